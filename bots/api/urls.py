"""`/api/v1/` of bots, channels, knowledge, templates and conversations."""

from django.urls import path

from bots.api import bots, channels, conversations, desk, files, knowledge, templates

_one = "conversations/<int:pk>/"

urlpatterns = [
    path("bots/", bots.BotList.as_view(), name="bots"),
    path("bots/<int:pk>/", bots.BotDetail.as_view(), name="bot"),
    path("bots/<int:pk>/preview/", bots.PreviewView.as_view(), name="preview"),
    path("reviews/preview/", bots.ReviewPreview.as_view(), name="review_preview"),
    path("channels/", channels.ChannelList.as_view(), name="channels"),
    path("channels/kinds/", channels.ChannelKinds.as_view(), name="channel_kinds"),
    path("channels/<int:pk>/", channels.ChannelDetail.as_view(), name="channel"),
    path("channels/<int:pk>/connect/", channels.ChannelConnect.as_view(), name="channel_connect"),
    path("channels/<int:pk>/check/", channels.ChannelCheck.as_view(), name="channel_check"),
    path("knowledge/articles/", knowledge.ArticleList.as_view(), name="articles"),
    path("knowledge/articles/<int:pk>/", knowledge.ArticleDetail.as_view(), name="article"),
    path("knowledge/files/", knowledge.FileList.as_view(), name="knowledge_files"),
    path("knowledge/files/<int:pk>/", knowledge.FileDetail.as_view(), name="knowledge_file"),
    path("templates/", templates.TemplateList.as_view(), name="templates"),
    path("templates/vocabulary/", templates.TemplateVocabulary.as_view(), name="vocabulary"),
    path("templates/<int:pk>/", templates.TemplateDetail.as_view(), name="template"),
    path("templates/<int:pk>/render/", templates.TemplateRender.as_view(), name="render"),
    path("conversations/", conversations.ConversationList.as_view(), name="conversations"),
    path(_one, conversations.ConversationDetail.as_view(), name="conversation"),
    path(f"{_one}messages/", conversations.MessageList.as_view(), name="messages"),
    path(f"{_one}take-over/", conversations.TakeOver.as_view(), name="take_over"),
    path(f"{_one}reply/", conversations.ReplyView.as_view(), name="reply"),
    path(f"{_one}note/", conversations.NoteView.as_view(), name="note"),
    path(f"{_one}return-to-bot/", conversations.ReturnToBot.as_view(), name="return_to_bot"),
    path(f"{_one}resolve/", conversations.Resolve.as_view(), name="resolve"),
    path(f"{_one}read/", conversations.Read.as_view(), name="read"),
    path("files/<int:pk>/", files.FileContent.as_view(), name="file"),
    path("desk/", desk.Desk.as_view(), name="desk"),
    path("desk/presence/", desk.Presence.as_view(), name="desk_presence"),
    path("desk/files/", desk.DeskFile.as_view(), name="desk_files"),
    path("desk/prefs/", desk.Prefs.as_view(), name="desk_prefs"),
    path("desk/changes/", desk.DeskChanges.as_view(), name="desk_changes"),
    path("desk/views/", desk.SavedViews.as_view(), name="desk_views"),
    path("desk/views/<int:pk>/", desk.SavedViewDetail.as_view(), name="desk_view"),
    path("desk/templates/", desk.DeskTemplates.as_view(), name="desk_templates"),
    path("desk/knowledge/", desk.DeskKnowledge.as_view(), name="desk_knowledge"),
    path("desk/passage/", desk.DeskPassage.as_view(), name="desk_passage"),
    path("desk/messages/<int:pk>/verdict/", desk.VerdictView.as_view(), name="verdict"),
    path("desk/conversations/", desk.DeskList.as_view(), name="desk_list"),
    path("desk/conversations/<int:pk>/", desk.DeskThread.as_view(), name="desk_thread"),
    path("desk/conversations/<int:pk>/draft/", desk.DraftView.as_view(), name="desk_draft"),
]
