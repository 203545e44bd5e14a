"""Settings, read once from the environment (and from `.env` outside a container)."""

from functools import lru_cache
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import URL

Names = Annotated[tuple[str, ...], NoDecode]
"""A comma-separated environment variable."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    environment: str = "staging"
    log_level: str = "INFO"

    db_host: str = "db"
    db_port: int = 5432
    db_name: str
    db_user: str
    db_password: SecretStr
    db_migration_user: str | None = None
    """Role that owns the schema. Unset: the application's own role migrates too."""
    db_migration_password: SecretStr | None = None
    db_connect_timeout: int = 3
    """Seconds."""

    jwt_secret: SecretStr = Field(min_length=32)
    jwt_issuer: str = "customer-accounts"
    access_token_minutes: int = Field(default=15, ge=1, le=60)

    admin_email: str
    admin_password: SecretStr = Field(min_length=12)
    seed_demo_data: bool = False

    allowed_hosts: Names = ("localhost", "127.0.0.1", "[::1]", "api", "nginx")
    cors_origins: Names = ()

    @field_validator("allowed_hosts", "cors_origins", mode="before")
    @classmethod
    def split_names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    def application_url(self) -> URL:
        return self._url(self.db_user, self.db_password)

    def migration_url(self) -> URL:
        if self.db_migration_user is None:
            return self.application_url()
        return self._url(self.db_migration_user, self.db_migration_password or self.db_password)

    def _url(self, user: str, password: SecretStr) -> URL:
        return URL.create(
            "postgresql+psycopg",
            username=user,
            password=password.get_secret_value(),
            host=self.db_host,
            port=self.db_port,
            database=self.db_name,
        )


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    return Settings()
