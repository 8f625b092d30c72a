"""The services of Plateau, and the kernel that they share."""
