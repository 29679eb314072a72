"""Collections of environments as Gymnasium environments: importing one registers its ids."""
