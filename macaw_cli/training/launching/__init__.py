"""Several processes that train together: started here, or by torchrun, srun or the deepspeed launcher."""
