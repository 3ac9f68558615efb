"""Settings of the weights of the losses per modality: one file per mode."""
