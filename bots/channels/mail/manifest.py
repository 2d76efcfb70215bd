from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from bots.channels.base import ChannelManifest, Field, Maturity, Step, secret_field, text_field

HOURLY_LIMIT = 12


def _optional(name: str, title: Any, kind: str = "text", **more: Any) -> Field:
    return Field(name, title, kind, is_required=False, **more)


MANIFEST = ChannelManifest(
    key="mail",
    title=_("E-mail"),
    implementation="bots.channels.mail.adapter.Mail",
    icon="mail",
    settings=(
        text_field("address", _("Address buyers write to"), help=_("For example shop@shop.ru")),
        _optional("sender_name", _("Sender's name"), help=_("What buyers see beside the address.")),
        _optional(
            "incoming",
            _("How letters reach us"),
            "choice",
            default="imap",
            choices=(
                ("imap", _("we look into the mailbox (IMAP)")),
                ("postmark", _("Postmark posts them to us")),
                ("mailersend", _("MailerSend posts them to us")),
            ),
        ),
        _optional("imap_host", _("IMAP server"), help=_("For example imap.yandex.ru")),
        _optional("imap_port", _("IMAP port"), "number", default=993),
        _optional(
            "imap_security",
            _("Encryption of IMAP"),
            "choice",
            default="tls",
            choices=(
                ("tls", _("TLS from the start (usually port 993)")),
                ("starttls", _("STARTTLS (usually port 143)")),
            ),
        ),
        _optional("imap_user", _("IMAP user name"), help=_("Empty: the address.")),
        secret_field(
            "imap_password",
            _("IMAP password"),
            help=_("Many services want a password made for programs, and IMAP switched on."),
            is_required=False,
        ),
        _optional("imap_folder", _("Mailbox folder"), default="INBOX"),
        secret_field(
            "hook_secret",
            _("Secret of the service's calls"),
            help=_(
                "Postmark: user:password, as in the hook address you give it. MailerSend: the "
                "inbound route's secret. Not needed for IMAP."
            ),
            is_required=False,
        ),
        _optional(
            "outgoing",
            _("How letters leave"),
            "choice",
            default="own",
            choices=(
                ("own", _("through this mailbox's own server (SMTP)")),
                ("lent", _("through the mail server of your brand or your partner")),
            ),
            help=_(
                "Through another's server letters bear its address; answers come to yours all the "
                "same."
            ),
        ),
        _optional("smtp_host", _("SMTP server"), help=_("For example smtp.yandex.ru")),
        _optional("smtp_port", _("SMTP port"), "number", default=465),
        _optional(
            "smtp_security",
            _("Encryption of SMTP"),
            "choice",
            default="tls",
            choices=(
                ("tls", _("TLS from the start (usually port 465)")),
                ("starttls", _("STARTTLS (usually port 587)")),
            ),
        ),
        _optional("smtp_user", _("SMTP user name"), help=_("Empty: the address.")),
        secret_field(
            "smtp_password",
            _("SMTP password"),
            help=_("Empty: the IMAP password."),
            is_required=False,
        ),
        _optional("footer", _("Below every letter"), "block"),
        _optional(
            "trusted",
            _("Your receiving server's name in Authentication-Results"),
            help=_(
                "The first word of that header in a letter you received, for example "
                "mx.yandex.net. With it a letter that passed DKIM, SPF or DMARC there proves the "
                "sender's address; without it the address counts as said only."
            ),
        ),
    ),
    text_limit=100_000,
    files=frozenset({"image", "file", "voice", "video"}),
    max_file_bytes=15 * 1024 * 1024,
    rate_per_s=2.0,
    rate_per_chat_s=0.2,
    region="ru",
    place=65,
    steps=(
        Step(
            _("Let programs into the mailbox"),
            _(
                "Yandex, Mail.ru and Google: switch IMAP on and make a password for programs in "
                "the mailbox's security settings."
            ),
        ),
        Step(
            _("Enter servers, address and password"),
            _("We log in at both servers at once. Letters that are there already are not read."),
        ),
        Step(
            _("Keep your answers out of spam"),
            _(
                "Ask whoever keeps your domain for three records: SPF names the servers that may "
                "send (v=spf1 include:… ~all), DKIM holds the key your mail service shows in its "
                "settings, DMARC says what to do with the rest (v=DMARC1; p=none to begin with). "
                "Through another's server letters bear that server's domain."
            ),
        ),
        Step(
            _("Write to the address from another mailbox"),
            _("The letter comes here within a minute; so does the bot's answer to you."),
        ),
    ),
    maturity=Maturity.SIMULATED,
    gaps=(
        _("Letters go out as plain text."),
        _("A service's call may have 5 MB: read larger attachments by IMAP."),
        _("Letters in Outlook's own format (winmail.dat) are kept as a file."),
    ),
    polls=True,
    poll_every_s=20.0,
    hourly_limit=HOURLY_LIMIT,
    wants_mail_server=True,
)
