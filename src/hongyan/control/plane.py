"""The control plane as doors, the console and commands hold it: one service for each noun."""

from collections.abc import Callable

import msgspec

from hongyan.control.access import Access
from hongyan.control.accounts import Accounts
from hongyan.control.alarms import Alarms
from hongyan.control.answers import Answerings
from hongyan.control.apps import Apps, CheckUrl
from hongyan.control.audit import Audit
from hongyan.control.bill_files import BillFiles
from hongyan.control.bills import Bills
from hongyan.control.blacklist import Blacklist
from hongyan.control.calendar import Calendar
from hongyan.control.callbacks import Callbacks
from hongyan.control.credentials import Credentials
from hongyan.control.credit import Credits
from hongyan.control.deliveries import Deliveries, TryOut, nowhere
from hongyan.control.desk import Desk, Subject
from hongyan.control.documents import Documents
from hongyan.control.from_numbers import FromNumbers
from hongyan.control.held import HeldMessages
from hongyan.control.inventory import Inventory
from hongyan.control.keys import Keys
from hongyan.control.ledger import Ledger
from hongyan.control.letters import Letters, link_to
from hongyan.control.links import Links
from hongyan.control.linting import Linting
from hongyan.control.login import Login, LoginRules
from hongyan.control.margins import Margins
from hongyan.control.members import Members
from hongyan.control.offers import Offers
from hongyan.control.optouts import OptOuts
from hongyan.control.packages import Packages
from hongyan.control.payments import Payable, Payments
from hongyan.control.prices import Costs, Prices
from hongyan.control.protection import Protections
from hongyan.control.purchases import Purchases
from hongyan.control.qualifications import Qualifications
from hongyan.control.records import Records
from hongyan.control.replies import Replies
from hongyan.control.review import Review
from hongyan.control.sandbox import Sandbox
from hongyan.control.senders import Senders
from hongyan.control.sessions import Sessions
from hongyan.control.signatures import Signatures
from hongyan.control.snapshots import Snapshots
from hongyan.control.statistics import Statistics
from hongyan.control.templates import Templates
from hongyan.control.tokens import Entropy
from hongyan.control.users import Users
from hongyan.control.verifications import Verifications
from hongyan.control.words import WordList
from hongyan.kit.blobs import Blobs, Nowhere
from hongyan.kit.db import Database
from hongyan.kit.passwords import Passwords
from hongyan.kit.secretbox import SecretBox
from hongyan.model.money import PaymentSubject
from hongyan.model.papers import ReviewKind
from hongyan.model.rules.sets import SEEDS, RuleSet

NOWHERE = Nowhere()


class ControlPlane(msgspec.Struct, frozen=True):
    accounts: Accounts
    verifications: Verifications
    keys: Keys
    users: Users
    members: Members
    login: Login
    credentials: Credentials
    sessions: Sessions
    letters: Letters
    apps: Apps
    access: Access
    from_numbers: FromNumbers
    signatures: Signatures
    templates: Templates
    packages: Packages
    callbacks: Callbacks
    offers: Offers
    purchases: Purchases
    payments: Payments
    prices: Prices
    costs: Costs
    credits: Credits
    bills: Bills
    bill_files: BillFiles
    deliveries: Deliveries
    ledger: Ledger
    margins: Margins
    blacklist: Blacklist
    replies: Replies
    optouts: OptOuts
    answerings: Answerings
    alarms: Alarms
    protections: Protections
    words: WordList
    held: HeldMessages
    links: Links
    senders: Senders
    snapshots: Snapshots
    sandbox: Sandbox
    records: Records
    statistics: Statistics
    audit: Audit
    documents: Documents
    qualifications: Qualifications
    review: Review
    calendar: Calendar
    linting: Linting
    inventory: Inventory


class People(msgspec.Struct, frozen=True):
    """What the operator has set about people."""

    login: LoginRules = LoginRules()
    memory_kib: int = 64 * 1024
    """Memory that makes guessing at a stolen password dear."""
    console: str = ""
    """Where people reach the console, for links in letters."""


PEOPLE = People()


def assemble(
    db: Database,
    box: SecretBox,
    *,
    clock: Callable[[], float],
    entropy: Entropy,
    check_url: CheckUrl,
    rules: RuleSet = SEEDS,
    blobs: Blobs = NOWHERE,
    people: People = PEOPLE,
    pdf_font: str = "",
    try_out: TryOut = nowhere,
) -> ControlPlane:
    """All services over one database; called by wiring."""
    audit = Audit(db, box, clock)
    desk = Desk(audit, clock)
    signatures = Signatures(db, audit, desk, clock, rules)
    templates = Templates(db, audit, desk, clock, rules)
    qualifications = Qualifications(db, audit, desk, signatures, clock)
    verifications = Verifications(db, audit, desk, box, clock)
    subjects: dict[ReviewKind, Subject] = {
        ReviewKind.QUALIFICATION: qualifications,
        ReviewKind.SIGNATURE: signatures,
        ReviewKind.TEMPLATE: templates,
        ReviewKind.ACCOUNT: verifications,
    }
    purchases = Purchases(db, audit, clock)
    billed = Bills(db, audit, clock)
    payable: dict[PaymentSubject, Payable] = {PaymentSubject.PURCHASE: purchases, PaymentSubject.BILL: billed}
    passwords = Passwords(memory_kib=people.memory_kib)
    letters, link = Letters(db, box, clock), link_to(people.console)
    login = Login(db, box, clock, entropy, passwords=passwords, rules=people.login)
    return ControlPlane(
        accounts=Accounts(db, audit, clock),
        verifications=verifications,
        keys=Keys(db, audit, box, clock, entropy),
        users=Users(db, audit, box, clock, entropy),
        members=Members(db, audit, box, clock, entropy, letters=letters, link=link),
        login=login,
        credentials=Credentials(db, audit, box, clock, entropy, passwords=passwords, login=login, letters=letters, link=link),
        sessions=Sessions(db, clock, people.login.idle_s),
        letters=letters,
        apps=Apps(db, audit, box=box, clock=clock, entropy=entropy, check_url=check_url, limits=rules.limits),
        access=Access(db, audit, box, clock, entropy),
        from_numbers=FromNumbers(db, audit, clock),
        signatures=signatures,
        templates=templates,
        packages=Packages(db, audit, clock),
        callbacks=Callbacks(db, audit, box=box, clock=clock, entropy=entropy, check_url=check_url),
        offers=Offers(db, audit, clock),
        purchases=purchases,
        payments=Payments(db, audit, clock, payable),
        prices=Prices(db, audit, clock),
        costs=Costs(db, audit, clock),
        credits=Credits(db, audit, clock),
        bills=billed,
        margins=Margins(db, clock),
        bill_files=BillFiles(db, blobs, box, clock=clock, entropy=entropy, font=pdf_font),
        deliveries=Deliveries(db, audit, clock, try_out),
        ledger=Ledger(db, audit, clock),
        blacklist=Blacklist(db, audit, clock),
        replies=Replies(db),
        optouts=OptOuts(db, audit, clock),
        answerings=Answerings(db, audit, clock),
        alarms=Alarms(db, audit, box=box, clock=clock, entropy=entropy, check_url=check_url),
        protections=Protections(db, audit, clock),
        words=WordList(db, audit, clock),
        held=HeldMessages(db, audit, clock, rules.marketing_hours),
        links=Links(db, audit, box, clock),
        senders=Senders(db, audit, clock),
        snapshots=Snapshots(db, box, clock, rules),
        sandbox=Sandbox(db, audit, box, clock, entropy),
        records=Records(db, clock, rules.marketing_hours),
        statistics=Statistics(db, clock),
        audit=audit,
        documents=Documents(db, audit, blobs, box, clock=clock, entropy=entropy),
        qualifications=qualifications,
        review=Review(db, audit, desk, clock, subjects),
        calendar=Calendar(db, audit, clock),
        linting=Linting(db, rules),
        inventory=Inventory(db),
    )
