"""亲情连线: video calls between those who stayed and those who are far away."""
