from bots.models.account import ModelAccount
from bots.models.automation import Macro, MacroRun, Rule, RuleFiring
from bots.models.bot import Bot, BotVersion
from bots.models.broadcast import Broadcast, BroadcastItem
from bots.models.calendars import Calendar, SlaPolicy
from bots.models.channel import Channel
from bots.models.composer import LaterMessage, Rating
from bots.models.conversation import (
    AlreadyTaken,
    Attachment,
    Consent,
    Contact,
    Conversation,
    Delivery,
    Draft,
    Episode,
    Identity,
    Message,
    Person,
)
from bots.models.desk import Mention, SavedView, Verdict
from bots.models.hours import Holiday, OpeningHours
from bots.models.inbox import Inbox
from bots.models.knowledge import Article, KnowledgeFile, KnowledgeIndex, Passage, Synonym
from bots.models.moving import Imported
from bots.models.notices import Notice, PushSubscription
from bots.models.people import PersonFact, PersonField, PersonMerge, Segment
from bots.models.team import AgentProfile, Label, Shift, Team, TeamMember
from bots.models.template import Template, TemplateText
from bots.models.usage import ModelCall
from bots.models.visits import Greeting

__all__ = [
    "AgentProfile",
    "AlreadyTaken",
    "Article",
    "Attachment",
    "Bot",
    "BotVersion",
    "Broadcast",
    "BroadcastItem",
    "Calendar",
    "Channel",
    "Consent",
    "Contact",
    "Conversation",
    "Delivery",
    "Draft",
    "Episode",
    "Greeting",
    "Holiday",
    "Identity",
    "Imported",
    "Inbox",
    "KnowledgeFile",
    "KnowledgeIndex",
    "Label",
    "LaterMessage",
    "Macro",
    "MacroRun",
    "Mention",
    "Message",
    "ModelAccount",
    "ModelCall",
    "Notice",
    "OpeningHours",
    "Passage",
    "Person",
    "PersonFact",
    "PersonField",
    "PersonMerge",
    "PushSubscription",
    "Rating",
    "Rule",
    "RuleFiring",
    "SavedView",
    "Segment",
    "Shift",
    "SlaPolicy",
    "Synonym",
    "Team",
    "TeamMember",
    "Template",
    "TemplateText",
    "Verdict",
]
