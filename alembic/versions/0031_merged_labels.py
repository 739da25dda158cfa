"""A merged duplicate may be restricted: its label may change, nothing else of it.

0021 kept a merged nominal from any change. But what it holds must be as easy to close to others as
what the nominal holds that stands for it.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import hand_over, script

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_LABELLED = """TG_OP = 'UPDATE' AND to_jsonb(NEW) - ARRAY['label_id', 'changed_at', 'changed_xid']
                    = to_jsonb(OLD) - ARRAY['label_id', 'changed_at', 'changed_xid']"""


def upgrade() -> None:
    """Let the label of a merged nominal change."""
    _keep(_LABELLED)


def _keep(excepted: str) -> None:
    """Replace 0021's function, with what it lets pass."""
    script(f"""
        CREATE OR REPLACE FUNCTION records.keep_merged() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF {excepted} THEN
                RETURN NEW;
            END IF;
            IF OLD.owner_force = ctx.session_tenant() AND EXISTS (
                    SELECT FROM records.merge AS m WHERE m.owner_force = OLD.owner_force
                      AND m.merged_id = OLD.nominal_id AND m.undone_at IS NULL) THEN
                RAISE EXCEPTION 'a merged nominal is changed after its merge is undone'
                    USING ERRCODE = 'AT005';
            END IF;
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
        END $$
    """)
    hand_over("records.keep_merged()", "athena_merging")


def downgrade() -> None:
    """Keep a merged nominal from any change again."""
    _keep("false")
