"""Where jobs run. One seam: `rewardsmith.executors.executor.Executor`."""
