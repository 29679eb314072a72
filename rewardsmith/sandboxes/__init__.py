"""What a worker runs in. One seam: `rewardsmith.sandboxes.sandbox.Sandbox`."""
