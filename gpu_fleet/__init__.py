"""What runs on the GPU hosts beside the receptionist: speech recognition, its probe and its proxy, and how much of each."""
