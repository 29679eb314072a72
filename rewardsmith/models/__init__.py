"""Whatever completes prompts. One seam: `rewardsmith.models.model.Model`."""
