"""Teams, profiles, shifts, labels; whose queue a conversation is in."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bots", "0005_hours_guess"),
        ("workspace", "0003_presence"),
    ]

    operations = [
        migrations.CreateModel(
            name="Label",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40, unique=True, verbose_name="name")),
                (
                    "colour",
                    models.CharField(
                        choices=[
                            ("grey", "grey"),
                            ("red", "red"),
                            ("orange", "orange"),
                            ("yellow", "yellow"),
                            ("green", "green"),
                            ("blue", "blue"),
                            ("purple", "purple"),
                            ("pink", "pink"),
                        ],
                        default="grey",
                        max_length=8,
                        verbose_name="colour",
                    ),
                ),
                ("position", models.SmallIntegerField(default=0, verbose_name="place")),
            ],
            options={
                "verbose_name": "label",
                "verbose_name_plural": "labels",
                "ordering": ["position", "name"],
            },
        ),
        migrations.AddField(
            model_name="conversation",
            name="followers",
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.AddField(
            model_name="conversation",
            name="mentioned",
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.AddField(
            model_name="conversation",
            name="needs",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name="conversation",
            name="offer_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="offered_to",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="previous_agent",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="priority",
            field=models.SmallIntegerField(
                choices=[(0, "normal"), (1, "high"), (2, "urgent")],
                db_default=0,
                default=0,
                verbose_name="priority",
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="queued_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="wakes_on_reply",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.CreateModel(
            name="AgentProfile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "capacity",
                    models.PositiveSmallIntegerField(default=5, verbose_name="chats at once"),
                ),
                (
                    "channel_capacity",
                    models.JSONField(
                        blank=True, default=dict, verbose_name="chats at once by channel"
                    ),
                ),
                ("skills", models.JSONField(blank=True, default=list, verbose_name="skills")),
                ("languages", models.JSONField(blank=True, default=list, verbose_name="languages")),
                ("offers_missed", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("last_assigned_at", models.DateTimeField(editable=False, null=True)),
                ("seen_at", models.DateTimeField(editable=False, null=True)),
                ("prefs", models.JSONField(blank=True, default=dict, editable=False)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
            ],
            options={
                "verbose_name": "agent's profile",
                "verbose_name_plural": "agents' profiles",
            },
        ),
        migrations.CreateModel(
            name="Team",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=80, verbose_name="name")),
                (
                    "is_default",
                    models.BooleanField(
                        db_default=False, default=False, editable=False, verbose_name="default"
                    ),
                ),
                (
                    "assignment",
                    models.CharField(
                        choices=[
                            ("manual", "people take from the queue"),
                            ("round_robin", "in turn"),
                            ("least_loaded", "whoever has the most room"),
                        ],
                        default="manual",
                        max_length=12,
                        verbose_name="how chats are given out",
                    ),
                ),
                (
                    "accept_s",
                    models.PositiveSmallIntegerField(
                        default=30,
                        help_text="0: the chat is given without asking.",
                        verbose_name="seconds to accept",
                    ),
                ),
                (
                    "sees_colleagues",
                    models.BooleanField(
                        db_default=True,
                        default=True,
                        verbose_name="people see their colleagues' chats",
                    ),
                ),
                (
                    "is_sticky",
                    models.BooleanField(
                        db_default=True,
                        default=True,
                        verbose_name="a returning buyer goes to whoever answered before",
                    ),
                ),
                ("languages", models.JSONField(blank=True, default=list, verbose_name="languages")),
                ("skills", models.JSONField(blank=True, default=list, verbose_name="skills")),
            ],
            options={
                "verbose_name": "team",
                "verbose_name_plural": "teams",
                "ordering": ["-is_default", "name", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)),
                        fields=("is_default",),
                        name="team_default",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="conversation",
            name="team",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="bots.team",
            ),
        ),
        migrations.CreateModel(
            name="Shift",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "weekday",
                    models.SmallIntegerField(
                        choices=[
                            (0, "Monday"),
                            (1, "Tuesday"),
                            (2, "Wednesday"),
                            (3, "Thursday"),
                            (4, "Friday"),
                            (5, "Saturday"),
                            (6, "Sunday"),
                        ],
                        verbose_name="day",
                    ),
                ),
                ("starts", models.TimeField(verbose_name="from")),
                ("ends", models.TimeField(verbose_name="to")),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
            ],
            options={
                "verbose_name": "shift",
                "verbose_name_plural": "shifts",
                "ordering": ["user", "weekday", "starts"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("starts", models.F("ends")), _negated=True),
                        name="shift_has_length",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TeamMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "is_lead",
                    models.BooleanField(
                        db_default=False, default=False, verbose_name="leads the team"
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="bots.team",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
            ],
            options={
                "verbose_name": "member",
                "verbose_name_plural": "members",
                "constraints": [
                    models.UniqueConstraint(fields=("team", "user"), name="team_member_once")
                ],
            },
        ),
        # Everybody who is there shares the queue that was there. Spare schemas have nobody yet:
        # theirs is made with the merchant (bots.services.agents).
        migrations.RunSQL(
            """
            INSERT INTO bots_team (name, is_default, assignment, accept_s, languages, skills)
            SELECT '', true, 'manual', 30, '[]', '[]'
            WHERE EXISTS (SELECT 1 FROM workspace_user)
            """,
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            """
            INSERT INTO bots_teammember (team_id, user_id)
            SELECT t.id, u.id FROM bots_team t, workspace_user u WHERE t.is_default
            """,
            migrations.RunSQL.noop,
        ),
    ]
