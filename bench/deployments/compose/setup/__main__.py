"""Makes the secrets and the seed of a first start, in the volumes of `docker-compose.yml`.

`python -m bench.deployments.compose.setup`. What is there already stays: a second start finds the
same keys. A folder `/given` may hold some of the files, made by whoever starts the containers.
Nothing is printed but names.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bench.contract.seed import SeedSpec, write_seed
from bench.deployments.compose.people import (
    POSTGRES,
    ROLES,
    SERVERS,
    SERVICES,
    SIGNERS,
    USERS,
)
from bench.deployments.local.keys import private_pem, public_jwk
from bench.errors import ShopbenchError

SECRETS, SEED, GIVEN = Path("/secrets"), Path("/seed"), Path("/given")
SEED_VARIABLE, SCARCE_VARIABLE = "SHOP_SEED", "SHOP_SEED_SCARCE"


@dataclass(frozen=True)
class Vault:
    """The volume of secrets. `given`: files that are taken over instead of being made."""

    root: Path
    given: Path

    def keep(self, name: str, owner: int, fresh: str) -> str:
        """Return a secret that only `owner` may read; `fresh` becomes it at the first start."""
        path = self.root / name
        if not path.exists():
            offered = self.given / name
            text = offered.read_text("utf-8") if offered.exists() else fresh
            path.parent.mkdir(mode=0o711, exist_ok=True)
            temporary = path.with_name(f".{path.name}.new")
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                os.fsync(handle)
            os.chown(temporary, owner, owner)
            temporary.replace(path)
            print(f"made {name}")
        return path.read_text("utf-8")


def make_secrets(vault: Vault) -> None:
    """Make passwords, the key of user tokens, a key for each service and their public list."""
    passwords = {}
    for server, owners in SERVERS.items():
        vault.keep(f"{server}/superuser", POSTGRES, secrets.token_urlsafe(24))
        for owner in owners:
            name = f"{server}/shop_{owner}"
            passwords[server, owner] = vault.keep(name, POSTGRES, secrets.token_urlsafe(24))
    for reader, owners in ROLES.items():
        lines = [
            f"{server}:*:shop_{owner}:shop_{owner}:{password}\n"
            for (server, owner), password in passwords.items()
            if owner in owners
        ]
        vault.keep(f"{reader}/pgpass", USERS[reader], "".join(lines))
    signing = vault.keep("signing.pem", 0, private_pem(ec.generate_private_key(ec.SECP256R1())))
    for name in SIGNERS:
        vault.keep(f"{name}/signing.pem", USERS[name], signing)
    public = [
        {**_public(_service_key(vault, name)), "process": "+".join(ROLES.get(name, (name,)))}
        for name in SERVICES
    ]
    # Public keys: anybody may read them.
    vault.keep("services.jwks.json", 0, json.dumps({"keys": public}))
    (vault.root / "services.jwks.json").chmod(0o444)


def make_seed(folder: Path, spec: SeedSpec, given: Path) -> None:
    """Write the seed's files, or take over given ones, unless this very seed is there."""
    ready = folder / "seed.json"
    if ready.exists():
        manifest = json.loads(ready.read_text("utf-8"))
        if (manifest["seed"], manifest["scarce"]) == (spec.seed, spec.scarce):
            return
        ready.unlink()
    if given.exists():
        shutil.copytree(given, folder, dirs_exist_ok=True)
    else:
        write_seed(spec, folder)
    for path in folder.iterdir():
        path.chmod(0o444)
    print(f"made the data of seed {spec.seed}")


def seed_of(environ: dict[str, str]) -> SeedSpec:
    """The seed that the environment asks for. Raises ShopbenchError."""
    text = environ.get(SEED_VARIABLE) or "1"
    if not text.isdecimal():
        raise ShopbenchError(f"{SEED_VARIABLE} must be a whole number, not {text!r}", 2)
    return SeedSpec(seed=int(text), scarce=environ.get(SCARCE_VARIABLE) == "1")


def _service_key(vault: Vault, name: str) -> str:
    fresh = private_pem(ec.generate_private_key(ec.SECP256R1()))
    return vault.keep(f"{name}/service.pem", USERS[name], fresh)


def _public(pem: str) -> dict[str, str]:
    key = load_pem_private_key(pem.encode("ascii"), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return public_jwk(key)


def main() -> None:
    try:
        SECRETS.chmod(0o711)  # to be entered by everybody, listed by nobody
        make_secrets(Vault(SECRETS, GIVEN))
        make_seed(SEED, seed_of(dict(os.environ)), GIVEN / "seed")
    except (ShopbenchError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
