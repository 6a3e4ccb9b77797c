"""What the cloud is made of: one construct a file. A unit takes the units it needs; its stack grants."""
