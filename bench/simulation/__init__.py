"""How well simulations bring back what was recorded, and how fast they are. Not how good a recommendation was."""
