"""Imported first by our programs, so that they start in half the time.

jsonschema, which nbformat needs, imports ``rfc3987_syntax`` if it is installed, to check
international addresses. That compiles a grammar for two seconds, in every process; no notebook
holds such an address.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
