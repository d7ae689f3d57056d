"""What the host had before: projects, and who has how many of their credits."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Project(Base):
    """`code` is what its credits are called on the exchange."""

    __tablename__ = "projects"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    is_retired: Mapped[bool] = mapped_column(default=False)


class Credits(Base):
    """What somebody has of a project's credits: in the host's own hands, and on the exchange (kept by the adapter)."""

    __tablename__ = "credits"
    __table_args__ = (CheckConstraint("amount >= 0", name="never_below_zero"),)
    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger, default=0)
    on_exchange: Mapped[int] = mapped_column(BigInteger, default=0)
