"""Claims about the product; the floors of the house are mirrored here."""
