"""The environment, read once and typed. Every other module reads `django.conf.settings`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DEFAULT_SECRET = "only-for-a-machine-nobody-else-can-reach"  # noqa: S105 - production refuses it


class Environment(BaseSettings):
    """Variables the product reads. docs/operations.md has the same table in words."""

    model_config = SettingsConfigDict(extra="ignore", case_sensitive=False)

    secret_key: str = DEFAULT_SECRET
    # Sealed merchants' secrets outlive a rotation of SECRET_KEY: theirs is a key of its own.
    master_key: str = ""
    debug: bool = False

    database_url: str = "postgresql://prilavok@127.0.0.1:5432/prilavok"
    # Which database login this process uses: requests and tasks are `app`, migrations `owner`.
    db_role: Literal["app", "owner"] = "app"
    # Logins are `<prefix>_app` and `<prefix>_ingest`; empty: the database's name.
    db_login_prefix: str = ""
    db_pool_max: int = 10
    redis_url: str = "redis://127.0.0.1:6379/0"

    port: int = 8000
    data_dir: Path = BASE_DIR / ".data"
    platform_host: str = "localhost"
    platform_name: str = "Prilavok"
    public_scheme: Literal["http", "https"] = "https"
    # Empty where the public port is the scheme's own.
    public_port: str = ""
    # Networks of our own proxies, with commas: "10.0.0.0/8,127.0.0.1".
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()

    email_url: str = ""
    default_from_email: str = "noreply@localhost"

    worker_threads: int = 300
    # Simulators, tests and local runs talk to private addresses; a server on the net does not.
    allow_private_addresses: bool = False
    # Hosts of model servers in our own network that accounts may name: "gpu1.lan,10.0.0.5".
    model_private_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    # Mail servers in our own network that brands may name: "mail.lan".
    mail_private_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    # Proxies in our own network that channels and model accounts may name: "proxy.lan".
    proxy_private_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    # PEM file of the Russian Trusted Root CA, for channels and accounts that bring none.
    russian_ca_file: str = ""
    # For GigaChat alone, where it differs.
    gigachat_ca_file: str = ""
    # What a unit of foreign money is worth in merchants' money, to count model budgets.
    model_currency_rates: dict[str, Decimal] = {"USD": Decimal(100), "EUR": Decimal(110)}
    spare_merchants: int = Field(default=2, ge=0, le=50)

    # Merchants' files: a bucket, else a folder of DATA_DIR. Without keys boto3 looks for its own
    # (the machine's role, AWS_* variables).
    s3_bucket: str = ""
    s3_endpoint_url: str = ""
    s3_region: str = ""
    s3_access_key: str = ""
    s3_secret_key: str = ""

    @field_validator(
        *("trusted_proxies", "model_private_hosts", "mail_private_hosts", "proxy_private_hosts"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value


def read() -> Environment:
    """Raises pydantic.ValidationError naming the variable and what it should be."""
    return Environment()
