"""What the routes of attachments take and answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from api.schemas import Body, with_examples


class AttachmentIn(Body):
    """A file. `content_base64` decodes to at most 5 MiB."""

    model_config = with_examples(
        {
            "subject": "record:12",
            "name": "演练照片.jpg",
            "media_type": "image/jpeg",
            "content_base64": "/9j/4AAQSkZJRg==",
        }
    )

    subject: Annotated[str, StringConstraints(pattern=r"^(record|hazard|incident|task):\d{1,12}$")]
    name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=160, pattern=r"^[^/\\\x00-\x1f]+$"
        ),
    ]
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[A-Za-z0-9.+-]{1,60}$")]
    content_base64: Annotated[str, StringConstraints(min_length=4, max_length=7_200_000)]


class AttachmentOut(Body):
    """A stored file."""

    id: int
    name: str
    media_type: str
    size_bytes: int
    sha256: str
