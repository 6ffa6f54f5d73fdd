"""What is attached to messages. One file may go with many messages; what it is about its maker knows."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from app.core.db import time_column
from app.core.db.changed import NOT_AUDITED
from app.core.personal.sealed import SealedRow, sealed_bytes


class NotificationAttachment(SealedRow, table=True):
    """A file. Messages name it in their `parameters`; it is deleted when none of them can be on its way any more."""

    __tablename__ = "notification_attachments"
    __table_args__ = (Index("notification_attachments_created_idx", "created_at"), {"info": NOT_AUDITED})

    name: str = Field(max_length=200)
    media_type: str = Field(max_length=100)
    content: bytes = sealed_bytes()
    created_at: datetime = time_column()
