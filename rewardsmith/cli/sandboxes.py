"""`rewardsmith sandboxes`, `sandboxes build`."""

from __future__ import annotations

import click

from rewardsmith.cli.command import CONTEXT, Command, option
from rewardsmith.cli.options import json_option


@click.group("sandboxes", invoke_without_command=True, context_settings=CONTEXT)
@json_option
@click.pass_context
def sandboxes(context: click.Context, *, as_json: bool) -> None:
    """List what workers can run in, yours in ./sandboxes first."""
    if context.invoked_subcommand is not None:
        context.default_map = {"build": {"as_json": as_json}}
        return
    from rewardsmith.catalogue.folders import find_folders
    from rewardsmith.catalogue.sandboxes import list_sandboxes, load_sandbox
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.reports.words import table

    folders = find_folders()
    found = [load_sandbox(name, folders) for name in list_sandboxes(folders)]
    if as_json:
        emit_json(found)
        return
    rows = [
        [each.name, each.kind, f"{each.limits.memory_mib} MiB", str(each.limits.processes), each.image or "-"]
        for each in found
    ]
    emit_text(table(["sandbox", "kind", "memory", "processes", "image"], rows))


@sandboxes.command("build", cls=Command)
@click.argument("name", default="docker")
@option("--base-image", metavar="IMAGE", help="What to build on, in place of what the Dockerfile names.")
@option("--pip-args", metavar="TEXT", help="More arguments for pip, such as an index of CPU builds of torch.")
@option("--build-network", metavar="NAME", help="Network of the build, such as `host`.")
@json_option
def build(*, name: str, base_image: str | None, pip_args: str | None, build_network: str | None, as_json: bool) -> None:
    """Build the image of a sandbox of kind docker (`docker` itself when absent) from its folder's Dockerfile."""
    from rewardsmith.catalogue.folders import find_folders
    from rewardsmith.catalogue.sandboxes import load_sandbox
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.errors import UsageError
    from rewardsmith.sandboxes.engine import IMAGE
    from rewardsmith.sandboxes.engine import build as build_image

    folders = find_folders()
    spec, files = load_sandbox(name, folders), folders.find("sandboxes", name)[1]
    if spec.kind != "docker" or "Dockerfile" not in files:
        raise UsageError(
            f"the sandbox {spec.name!r} has no image to build",
            hint='its folder needs a Dockerfile, and kind = "docker" in its sandbox.toml',
        )
    arguments = {"BASE_IMAGE": base_image, "PIP_ARGS": pip_args}
    image = spec.image or IMAGE
    build_image(
        spec.name,
        files,
        image,
        arguments={key: value for key, value in arguments.items() if value is not None},
        network=build_network,
        say=lambda line: click.echo(line, err=True),
    )
    if as_json:
        emit_json(spec.model_copy(update={"image": image}))
        return
    emit_text(f"built {image}\n\nNow: rewardsmith evolve --env ant --sandbox {name}")
