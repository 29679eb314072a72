"""Whether the drawer comes to be open by more than 39 cm.

F of EUREKA (Ma et al., 2024, appendix B) on this robot: 1 where the joint of the drawer is beyond 0.39, else 0.
"""

import numpy as np

OPEN = 0.39


def score(drawer_opening):
    return float((drawer_opening > OPEN).any())


def success(drawer_opening):
    return bool((drawer_opening > OPEN).any())


def sparse(drawer_opening):
    opened = np.where(drawer_opening > OPEN, 1.0, 0.0)
    return opened, {"opened": opened}
