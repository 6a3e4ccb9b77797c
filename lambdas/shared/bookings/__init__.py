"""How a wish is carried out in the hotel's system, once or not at all, by whichever function is at it."""
