"""One search for the console: what was said, who said it, what they ordered."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.models import Conversation, Message
from bots.selectors.search import search
from bots.selectors.search.asked import Narrow


class SearchIn(serializers.Serializer):
    q = serializers.CharField(
        max_length=200, allow_blank=True, default="", trim_whitespace=False,
        help_text="Words, a name, an e-mail, a telephone in any spelling, an order's number",
    )  # fmt: skip
    channel = serializers.IntegerField(required=False, min_value=1)
    team = serializers.IntegerField(required=False, min_value=1)
    agent = serializers.IntegerField(required=False, min_value=1)
    label = serializers.CharField(required=False, max_length=40)  # type: ignore[assignment]
    status = serializers.ChoiceField(Conversation.Status.choices, required=False)
    author = serializers.ChoiceField(Message.Author.choices, required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    after = serializers.CharField(
        required=False, max_length=200, allow_blank=True, help_text="`next` of the page before"
    )


class DeskSearch(APIView):
    @extend_schema(tags=["desk"], parameters=[SearchIn], responses={200: OpenApiTypes.OBJECT})
    def get(self, request) -> Response:
        """Conversations by what was said, newest first; on the first page contacts and orders.

        `hits` of a conversation: its newest messages that fit, each with `text` around the first
        match, `marks` (places in it, UTF-16 units) and `jump` (conversation and number of the
        message). `how`: words, inside (parts of words) or slips (typing errors). `next` leads on;
        it may come with an empty page where there is much to look through.
        """
        asked = SearchIn(data=request.query_params)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        text, cursor = values.pop("q"), values.pop("after", "")
        return Response(search(request.user, text, Narrow(**values), cursor=cursor))
