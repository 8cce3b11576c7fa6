"""Sign-ins are kept in core_signin; nothing reads the table that Django makes for its own sessions.

Its app stays installed: backups of earlier releases name its migration.
"""

from django.db import migrations

DROP = "DROP TABLE IF EXISTS django_session"
MAKE = """
CREATE TABLE IF NOT EXISTS django_session (
    session_key varchar(40) PRIMARY KEY,
    session_data text NOT NULL,
    expire_date timestamptz NOT NULL
)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0008_asked_resets"),
        ("sessions", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(DROP, MAKE),
    ]
