# mypy: disable-error-code="untyped-decorator, index"
"""Friction axes of capsules on planes as MuJoCo has them: along the capsule, however steeply it stands.

MuJoCo Warp turns them to the world's axes where a capsule stands within 30 degrees of the normal, and a pyramidal
friction cone pushes differently when it is turned: of an ant's steps 40 % came out another way.
"""

from __future__ import annotations

from typing import Any

import mujoco_warp as mjw
import warp as wp

__all__ = ["align_capsules"]

_PLANE, _CAPSULE = wp.constant(int(mjw.GeomType.PLANE)), wp.constant(int(mjw.GeomType.CAPSULE))


@wp.kernel
def _align(
    geom_type: wp.array[int],
    geom_xmat: wp.array2d[wp.mat33],
    contacts: wp.array[int],
    geoms: wp.array[wp.vec2i],
    worlds: wp.array[int],
    frames: wp.array[wp.mat33],
) -> None:
    at = wp.tid()
    if at >= contacts[0]:
        return
    pair = geoms[at]
    if geom_type[pair[0]] != _PLANE or geom_type[pair[1]] != _CAPSULE:
        return
    turned = geom_xmat[worlds[at], pair[1]]
    axis = wp.vec3(turned[0, 2], turned[1, 2], turned[2, 2])
    frame = frames[at]
    normal = wp.vec3(frame[0, 0], frame[0, 1], frame[0, 2])
    along = axis - normal * wp.dot(normal, axis)
    if wp.length(along) < 1.0e-6:
        return
    along = wp.normalize(along)
    across = wp.cross(normal, along)
    frames[at] = wp.mat33(
        normal[0], normal[1], normal[2], along[0], along[1], along[2], across[0], across[1], across[2]
    )


def align_capsules(model: Any, data: Any) -> None:
    """Turn the frames of the contacts that were found; a `contactfilter` of MuJoCo Warp."""
    wp.launch(
        _align,
        dim=data.naconmax,
        inputs=[
            model.geom_type,
            data.geom_xmat,
            data.nacon,
            data.contact.geom,
            data.contact.worldid,
            data.contact.frame,
        ],
    )
