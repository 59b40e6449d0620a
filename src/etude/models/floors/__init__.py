"""What a learnt model has to beat: counts in closed form, nothing learnt by gradient."""
