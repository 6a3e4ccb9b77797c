"""What runs on the GPU hosts beside the receptionist: recognition, its probe and its proxy, and how much of each."""
