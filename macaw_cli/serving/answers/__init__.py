"""Who answers, and the model of this process."""
