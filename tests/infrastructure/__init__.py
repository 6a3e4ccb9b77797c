"""What the cloud is made of, judged from its synthesised templates."""
