"""Operations that come again and again, made ready once: no walk through the document for each request.

Strawberry and graphql-core stay the owners of schema, rules and errors: what is unusual is theirs to execute.
"""

from app.api.prepared.operations import Prepared, PreparedOperations
from app.api.prepared.shapes import Unusual

__all__ = ["Prepared", "PreparedOperations", "Unusual"]
