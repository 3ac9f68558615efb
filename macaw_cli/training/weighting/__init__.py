"""How much the loss of each modality counts: one file per mode of `training.loss_weights`."""
