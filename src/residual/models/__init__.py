"""Networks: what they are, and how they are built, named and saved."""
