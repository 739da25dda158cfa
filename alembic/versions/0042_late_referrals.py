"""A referral that stays unanswered a working day too long is told the client body.

It sees whose the referral is and to whom it was sent, never of whom it is. What is late says for
which unit of the partner it is meant, in the event that the partner reads.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import hand_over, script

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

OUTBOX, REFERRING = "athena_outbox", "athena_referring"
PUT = "sharing.put_referral_to_client_body(smallint, uuid)"

FOR_CONTACT = """
                -- What is late is for the unit that the partner named, whoever reads the feed.
                || CASE WHEN p_status IN ('overdue', 'client_body_told') THEN coalesce((
                    SELECT jsonb_build_object('for_contact', jsonb_build_object(
                        'kind', c.kind, 'unit', c.unit, 'email', c.email))
                    FROM sharing.partner_contact AS c WHERE c.partner_id = r.partner_id
                    ORDER BY c.kind = 'operations' DESC, c.kind LIMIT 1), '{}')
                   ELSE '{}' END"""


def upgrade() -> None:
    """Note when the client body is told, tell it, and say for whom an event is meant."""
    script("""
        SET LOCAL ROLE athena_owner;
        ALTER TABLE sharing.referral ADD COLUMN client_body_at timestamptz
            CHECK (client_body_at IS NULL OR escalated_at IS NOT NULL);
        COMMENT ON COLUMN sharing.referral.client_body_at IS
            'When the client body was told that nobody answers';
        CREATE INDEX referral_unanswered ON sharing.referral (due_at)
            WHERE state = 'sent' AND client_body_at IS NULL;
        DROP INDEX sharing.referral_late;

        CREATE FUNCTION sharing.put_referral_to_client_body(p_owner smallint, p_referral uuid)
        RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_late sharing.referral%ROWTYPE;
        BEGIN
            SELECT * INTO v_late FROM sharing.referral AS r
            WHERE r.owner_force = p_owner AND r.referral_id = p_referral AND r.state = 'sent'
              AND r.escalated_at IS NOT NULL AND r.client_body_at IS NULL
            FOR UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                RETURN false;
            END IF;
            UPDATE sharing.referral AS r SET client_body_at = now()
            WHERE r.owner_force = p_owner AND r.referral_id = p_referral;
            PERFORM audit.note_platform(p_owner, 'alteration', 'referrals.client_body_told',
                'Nobody answers a referral', jsonb_build_object('partner', v_late.partner_id,
                    'referral', p_referral), '[]');
            PERFORM sharing.tell_of_referral(p_owner, p_referral, 'client_body_told');
            RETURN true;
        END $$;
        COMMENT ON FUNCTION sharing.put_referral_to_client_body IS
            'Lets the client body see that a referral stays unanswered, never of whom it is, once';
        RESET ROLE;
    """)
    hand_over(PUT, REFERRING)
    _tell(FOR_CONTACT)
    script(f"""
        GRANT EXECUTE ON FUNCTION {PUT} TO {OUTBOX};
        SET LOCAL ROLE athena_owner;
        GRANT SELECT (client_body_at) ON sharing.referral TO {OUTBOX};
        GRANT UPDATE (client_body_at) ON sharing.referral TO {REFERRING};
        CREATE POLICY referring ON sharing.partner_contact FOR SELECT TO {REFERRING}
            USING (session_user = '{OUTBOX}');
        GRANT SELECT ON sharing.partner_contact TO {REFERRING};
        CREATE POLICY client_body_watches ON sharing.referral FOR SELECT TO athena_amo
            USING (client_body_at IS NOT NULL);
        GRANT SELECT (owner_force, referral_id, partner_id, agreement_id, kind, sent_at, due_at,
            state, changed_at, escalated_at, client_body_at) ON sharing.referral TO athena_amo;
        RESET ROLE;
    """)


def _tell(more: str) -> None:
    """Replace 0038's function, which stays its owner's: an event may say more of a referral."""
    script(f"""
        CREATE OR REPLACE FUNCTION sharing.tell_of_referral(
            p_owner smallint, p_referral uuid, p_status text
        ) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            INSERT INTO sharing.partner_event (owner_force, event_id, partner_id, kind, body)
            SELECT r.owner_force, gen_random_uuid(), r.partner_id, 'referral',
                jsonb_build_object('referral_id', r.referral_id, 'disclosure_id', r.disclosure_id,
                    'force', t.slug, 'kind', r.kind, 'status', p_status, 'due_at',
                    to_char(r.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')){more}
            FROM sharing.referral AS r JOIN tenants.tenant AS t ON t.tenant_id = r.owner_force
            WHERE r.owner_force = p_owner AND r.referral_id = p_referral;
        END $$;
    """)


def downgrade() -> None:
    """Leave late referrals with the forces' supervisors, and events without a unit."""
    _tell("")
    script(f"""
        DROP FUNCTION {PUT};
        DROP POLICY referring ON sharing.partner_contact;
        REVOKE SELECT ON sharing.partner_contact FROM {REFERRING};
        DROP POLICY client_body_watches ON sharing.referral;
        DROP INDEX sharing.referral_unanswered;
        ALTER TABLE sharing.referral DROP COLUMN client_body_at;
        REVOKE SELECT (owner_force, referral_id, partner_id, agreement_id, kind, sent_at, due_at,
            state, changed_at, escalated_at) ON sharing.referral FROM athena_amo;
        CREATE INDEX referral_late ON sharing.referral (due_at)
            WHERE state = 'sent' AND escalated_at IS NULL;
    """)
