"""The door and the postman: joins the floors, speaks to every outside thing, holds no rule."""
