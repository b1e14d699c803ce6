"""Taking events out of the audit log, with the filters of the audit page in force."""

from tempfile import SpooledTemporaryFile
from typing import Any, Final
from uuid import UUID

from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
)
from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.audit.checkpoints.checkpoint_file import RolledBack
from controlpanel.audit.export import bundle, bundle_contents, exports
from controlpanel.audit.export.bundle_contents import Span
from controlpanel.audit.export.exports import Wish
from controlpanel.audit.models import Export
from controlpanel.lib.scope import Scope
from controlpanel.outgoing.enqueue import enqueue
from controlpanel.reports import exports as report_exports
from controlpanel.web.audit import filters as audit_filters
from controlpanel.web.audit.filters import Filters
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.view_access import door

# What is longer goes through a file on disk that nobody else can open.
_IN_MEMORY: Final = 1 << 20
_LISTED: Final = 10


@door("audit.export", ("GET", "HEAD", "POST"))
def export(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    """The page; a POST with `format` in the address gives the file, or lets a worker prepare it.

    A GET, which a link on any page can be, takes nothing and records nothing."""
    filters = audit_filters.read(request.GET)
    form = request.GET.get("format", "")
    if filters.problems:
        return _page(request, scope, filters, status=422)
    if form not in exports.TYPES and (form or request.method == "POST"):
        return _page(request, scope, filters, problem=_unknown_format(), status=422)
    if request.method != "POST":
        return _page(request, scope, filters)
    wish = Wish(form, filters.asked, filters.canonical)
    if exports.is_long(scope, wish):
        return _begun(request, scope, filters, wish)
    return _given(request, scope, filters, wish)


@door("audit.export")
def show(request: HttpRequest, scope: Scope, export_id: UUID) -> HttpResponseBase:
    """How far it is, and the file once it is there."""
    found = report_exports.own(scope).filter(id=export_id).first()
    if found is None:
        raise Http404
    return _progress(request, scope, found)


@door("audit.export")
def give(request: HttpRequest, scope: Scope, export_id: UUID) -> HttpResponseBase:
    found = report_exports.own(scope).filter(id=export_id).first()
    if found is None:
        raise Http404
    if request.method == "HEAD":
        return HttpResponse(content_type=exports.TYPES[found.form])
    try:
        given = report_exports.give(scope, found)
    except report_exports.NotGiven as none:
        return _progress(request, scope, found, problem=str(none), status=404)
    kind = exports.TYPES[found.form]
    return FileResponse(given.file, as_attachment=True, filename=given.name, content_type=kind)


def _begun(request: HttpRequest, scope: Scope, filters: Filters, wish: Wish) -> HttpResponseBase:
    try:
        begun = report_exports.ask(scope, wish)
    except report_exports.NotAsked as refused:
        return _page(request, scope, filters, problem=str(refused), status=409)
    enqueue("reports.tasks.export")
    return see_other(request, reverse("audit-export-show", args=[scope.team_slug, begun.id]))


def _given(request: HttpRequest, scope: Scope, filters: Filters, wish: Wish) -> HttpResponseBase:
    file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  the response closes it
    try:
        taken = exports.write(file, scope, wish)
        exports.record(scope, wish, taken)
    except bundle.TooSoon:
        file.close()
        return _begun(request, scope, filters, wish)
    except (bundle.NoBundle, RolledBack) as none:
        file.close()
        return _page(request, scope, filters, problem=str(none), status=409)
    except BaseException:
        file.close()
        raise
    name, kind = exports.file_name(scope, wish.form), exports.TYPES[wish.form]
    return FileResponse(file, as_attachment=True, filename=name, content_type=kind)


def _page(
    request: HttpRequest,
    scope: Scope,
    filters: Filters,
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponseBase:
    audit = reverse("audit", args=[scope.team_slug])
    context: dict[str, Any] = {
        "filters": filters,
        "problem": problem,
        "crumbs": [{"label": _("Audit"), "url": f"{audit}{filters.address()}"}],
        "verifier_hash": bundle.verifier_hash(),
        "prepared": report_exports.own(scope)[:_LISTED],
    }
    if not filters.problems:
        count = exports.size(scope, Wish("", filters.asked))
        is_long = count > exports.AT_ONCE
        context |= {"count": count, "is_long": is_long, "at_once": exports.AT_ONCE}
        context["proves"] = _proves(scope, filters)
        context["forms"] = [{**one, "is_long": is_long} for one in _forms(filters)]
    return page(request, "audit/export.html", context, status=status)


def _progress(
    request: HttpRequest, scope: Scope, found: Export, *, problem: str = "", status: int = 200
) -> HttpResponseBase:
    audit, again = (reverse(name, args=[scope.team_slug]) for name in ("audit", "audit-export"))
    filters = audit_filters.of_text(found.query)
    query = filters.address()
    context = {
        "export": found,
        "problem": problem,
        "filters": filters,
        "again_url": f"{again}{query}",
        "crumbs": [
            {"label": _("Audit"), "url": f"{audit}{query}"},
            {"label": _("Export"), "url": f"{again}{query}"},
        ],
    }
    return page(request, "audit/exported.html", context, fragment="progress", status=status)


def _proves(scope: Scope, filters: Filters) -> str:
    """What a bundle with these filters would."""
    wanted = bundle_contents.wanted(scope, filters.asked, filters.canonical)
    if isinstance(wanted, Span):
        return _("It proves that nothing is missing: it holds all that was recorded in that time.")
    if wanted.filters:
        return _(
            "With these filters it proves that each event is in the log, but not that no other "
            "fits. To prove that nothing is missing, choose by target only, or by time only."
        )
    return _("It proves the history of each target in it, and says whether that is complete.")


def _forms(filters: Filters) -> list[dict[str, Any]]:
    words = {
        "csv": (
            _("CSV"),
            _(
                "A table for a spreadsheet: one row an event, with its sentence and its hash. "
                "Times are in UTC. What a spreadsheet would take for a formula begins with an "
                "apostrophe."
            ),
        ),
        "jsonl": (
            _("JSON lines"),
            _("For programs: one line an event, with everything that was recorded, and its hash."),
        ),
        "bundle": (
            _("Bundle"),
            _(
                "For somebody who trusts neither this panel nor its database: a zip that proves "
                "itself with plain python3, without the network."
            ),
        ),
    }
    return [
        {
            "form": form,
            "name": name,
            "words": meaning,
            "url": filters.address(format=form),
        }
        for form, (name, meaning) in words.items()
    ]


def _unknown_format() -> str:
    return _("A format is one of: csv, jsonl, bundle. Choose one below.")
