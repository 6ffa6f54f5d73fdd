"""What may be run: documents read, measured, validated and priced before anything of them is executed; once per text.

Knows GraphQL and the numbers of an installation; neither who asks nor how often (that is whoever charges for it).
"""

from app.api.documents.cache import Checked, DocumentCache, FromCache
from app.api.documents.cost import Cost
from app.api.documents.limits import Limits

__all__ = ["Checked", "Cost", "DocumentCache", "FromCache", "Limits"]
