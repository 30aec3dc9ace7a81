"""Every text that `freshmart demo` shows to a shop person, in German and English, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from freshmart_streams.events.alerts import AlertKind


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The texts of one language; braces are filled in."""

    weekdays: tuple[str, ...]
    """Abbreviated, Monday first."""
    day: str
    """A day as `strftime` has it, without the weekday."""
    decimal_point: str
    piece: tuple[str, str]
    """One and more."""
    pack: tuple[str, str]
    """One and more."""
    order: str
    order_changed: str
    order_cancelled: str
    stock: str
    trial: str
    proposal: str
    alert: str
    alert_closed: str
    alerts: Mapping[AlertKind, str]
    starting: str
    ready: str
    history: str
    goodbye: str


GERMAN: Final = Texts(
    weekdays=("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    day="%d.%m.",
    decimal_point=",",
    piece=("Stück", "Stück"),
    pack=("Kiste", "Kisten"),
    order="{amount} für {day}",
    order_changed="jetzt {amount} für {day}",
    order_cancelled="abbestellt für {day}",
    stock="noch {on_hand} da, {expected} erwartet",
    trial="(nur Probe)",
    proposal="(Vorschlag)",
    alert="Hinweis: {what}",
    alert_closed="erledigt: {what}",
    alerts={
        AlertKind.UNKNOWN_SKU: "Artikel ist nicht angelegt",
        AlertKind.NEGATIVE_STOCK: "Bestand unter null, bitte zählen",
        AlertKind.PHANTOM_STOCK: "lange nichts verkauft, bitte nachsehen",
        AlertKind.COUNT_TASK: "bitte zählen",
        AlertKind.OVERDUE_ORDER: "Lieferung ist überfällig",
        AlertKind.ORDER_CONFLICT: "Lieferant weicht von der Bestellung ab",
        AlertKind.SUPPLIER_MINIMUM: "Mindestmenge des Lieferanten nicht erreicht",
        AlertKind.PERISHABLE_REDUCTION: "zu viel bestellt, Frischware wird nicht von selbst gekürzt",
        AlertKind.SERVICE_BELOW_TARGET: "zu oft ausverkauft",
        AlertKind.STALE_DATA: "seit Langem keine Daten",
        AlertKind.DECISION_LIMIT: "ungewöhnlich hohe Bestellung",
        AlertKind.VOID_WITHOUT_RECEIPT: "Storno ohne Bon",
        AlertKind.DOMAIN_ERROR: "eine Meldung konnte nicht verarbeitet werden",
    },
    starting="freshmart startet: Broker, ein Arbeiter, simulierte Läden. Strg-C beendet alles.",
    ready="Übersicht im Browser: {url}",
    history="Bis hierher haben die Läden von Hand bestellt; ab jetzt bestellt freshmart:",
    goodbye="Beendet.",
)

ENGLISH: Final = Texts(
    weekdays=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    day="%d %b",
    decimal_point=".",
    piece=("piece", "pieces"),
    pack=("case", "cases"),
    order="{amount} for {day}",
    order_changed="now {amount} for {day}",
    order_cancelled="cancelled for {day}",
    stock="{on_hand} left, {expected} expected",
    trial="(trial only)",
    proposal="(proposal)",
    alert="Note: {what}",
    alert_closed="settled: {what}",
    alerts={
        AlertKind.UNKNOWN_SKU: "article is not registered",
        AlertKind.NEGATIVE_STOCK: "stock below zero, please count",
        AlertKind.PHANTOM_STOCK: "nothing sold for long, please look",
        AlertKind.COUNT_TASK: "please count",
        AlertKind.OVERDUE_ORDER: "delivery is overdue",
        AlertKind.ORDER_CONFLICT: "the supplier deviates from the order",
        AlertKind.SUPPLIER_MINIMUM: "below the supplier's minimum",
        AlertKind.PERISHABLE_REDUCTION: "ordered too much; fresh goods are not reduced automatically",
        AlertKind.SERVICE_BELOW_TARGET: "sold out too often",
        AlertKind.STALE_DATA: "no data for long",
        AlertKind.DECISION_LIMIT: "unusually large order",
        AlertKind.VOID_WITHOUT_RECEIPT: "void without its receipt",
        AlertKind.DOMAIN_ERROR: "a message could not be processed",
    },
    starting="freshmart starts: broker, one worker, simulated stores. Ctrl-C ends everything.",
    ready="Dashboard in the browser: {url}",
    history="Up to here the stores ordered by hand; from now on freshmart orders:",
    goodbye="Ended.",
)


def texts_for(locale: str) -> Texts:
    """Return the texts for a locale's name such as `de_DE.UTF-8`: German, or English for every other language."""
    return GERMAN if locale.lower().startswith("de") else ENGLISH
