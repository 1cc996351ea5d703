"""`voicebot voiceprint show | revoke | change-master-key`: what is kept of voices, and how it goes away."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from voicebot.commands.opened import opened
from voicebot.settings import Settings


@click.command()
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")
@click.pass_obj
def show(settings: Settings, account: str, as_json: bool) -> None:
    """Tell which voiceprints the customer of ACCOUNT has and had. What is in them is shown to nobody.

    \b
    Example:
      voicebot voiceprint show A-1001
    """
    with opened(settings) as store:
        records = store.voiceprints(store.account(account).customer.id)
    if as_json:
        click.echo(json.dumps([asdict(record) for record in records], indent=2))
        return
    if not records:
        click.echo(f"{account}: no voiceprint")
    for record in records:
        state = (
            f"revoked {record.revoked_at[:10]}"
            if record.revoked_at
            else f"replaced {record.replaced_at[:10]}"
            if record.replaced_at
            else "active"
        )
        consent = record.consent_id or "none on record"
        click.echo(
            f"{account}: {state}, enrolled {record.enrolled_at[:10]}, {record.net_speech_s:.1f} s of speech, "
            f"model {record.model_id}, consent {consent}"
        )


@click.command()
@click.argument("account")
@click.pass_obj
def revoke(settings: Settings, account: str) -> None:
    """Destroy the voiceprint of ACCOUNT's customer: the embeddings and the key that sealed them.

    It cannot be brought back, also not from a backup of the database. The record that there was one stays.

    \b
    Example:
      voicebot voiceprint revoke A-1001
    """
    with opened(settings) as store:
        there = store.revoke_voiceprint(store.account(account).customer.id)
    click.echo(f"{account}: " + ("the voiceprint and its key are destroyed" if there else "there was no voiceprint"))


@click.command("change-master-key")
@click.argument("new", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def change_master_key(settings: Settings, new: Path) -> None:
    """Seal all voiceprints with the key in the file NEW (made where it is not there).

    Then set paths.voice_master_key to NEW, start the server again, and destroy the old file.

    \b
    Example:
      voicebot voiceprint change-master-key /mnt/token/voicebot.master
    """
    with opened(settings) as store:
        count = store.change_master_key(new.resolve())
    click.echo(f'{count} voiceprint key(s) are sealed with {new} now; set paths.voice_master_key = "{new.resolve()}"')
