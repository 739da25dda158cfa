"""Files, encrypted under a key of their force, and drafts, which only their member sees.

The store holds sealed bytes only; the platform seals and opens them (`kernel/files`). A file
carries a label like every row of a record, so that what is restricted stays restricted. A draft is
deleted when it is submitted, and an expired one with the next draft that anybody saves.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, protect, script

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

DRAFTS = "athena_drafts"


def upgrade() -> None:
    """Create the tables and their policies."""
    create_role(DRAFTS, "takes expired drafts away")
    script("SET LOCAL ROLE athena_owner")
    script("""
        CREATE TABLE work.data_key (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            key_version integer NOT NULL CHECK (key_version > 0),
            wrapping_key text NOT NULL CHECK (length(wrapping_key) BETWEEN 1 AND 200),
            wrapped bytea CHECK (length(wrapped) BETWEEN 32 AND 4096),
            created_at timestamptz NOT NULL DEFAULT now(),
            erased_at timestamptz,
            PRIMARY KEY (owner_force, key_version),
            CHECK ((wrapped IS NULL) = (erased_at IS NOT NULL))
        );
        COMMENT ON TABLE work.data_key IS
            'The keys of a force''s files, each wrapped by a key that is not in the store';

        CREATE TABLE work.file (
            owner_force smallint NOT NULL,
            file_id uuid NOT NULL,
            label_id smallint NOT NULL,
            record_class text NOT NULL CHECK (record_class ~ '^[a-z_]{1,40}$'),
            record_id uuid NOT NULL,
            sealed_name bytea NOT NULL CHECK (length(sealed_name) <= 2048),
            media_type text NOT NULL CHECK (media_type ~ '^[a-z]+/[a-z0-9.+-]{1,100}$'),
            size integer NOT NULL CHECK (size BETWEEN 0 AND 52428800),
            chunk_count integer NOT NULL CHECK (chunk_count BETWEEN 1 AND 64),
            sha256 bytea NOT NULL CHECK (length(sha256) = 32),
            key_version integer NOT NULL,
            stored_at timestamptz NOT NULL DEFAULT now(),
            stored_by uuid NOT NULL DEFAULT ctx.session_member(),
            changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            PRIMARY KEY (owner_force, file_id),
            FOREIGN KEY (owner_force, label_id) REFERENCES ctx.label (owner_force, label_id),
            FOREIGN KEY (owner_force, key_version) REFERENCES work.data_key
        );
        CREATE INDEX file_of_record ON work.file (owner_force, record_class, record_id);
        COMMENT ON TABLE work.file IS 'An attachment of a record; its name and content are sealed';

        CREATE TABLE work.file_chunk (
            owner_force smallint NOT NULL,
            file_id uuid NOT NULL,
            number integer NOT NULL CHECK (number >= 0),
            sealed bytea NOT NULL CHECK (length(sealed) <= 1048604),
            PRIMARY KEY (owner_force, file_id, number),
            FOREIGN KEY (owner_force, file_id) REFERENCES work.file ON DELETE CASCADE
        );
        ALTER TABLE work.file_chunk ALTER COLUMN sealed SET STORAGE EXTERNAL;
        COMMENT ON TABLE work.file_chunk IS 'A piece of a file; sealed bytes do not compress';

        CREATE TABLE work.draft (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            draft_id uuid NOT NULL DEFAULT gen_random_uuid(),
            member_id uuid NOT NULL,
            record_type text NOT NULL CHECK (record_type ~ '^[a-z_]{1,40}$'),
            version integer NOT NULL DEFAULT 1 CHECK (version > 0),
            document json NOT NULL CHECK (octet_length(document::text) <= 262144),
            saved_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL DEFAULT now() + interval '30 days',
            PRIMARY KEY (owner_force, draft_id)
        );
        CREATE INDEX draft_of_member ON work.draft (owner_force, member_id, record_type);
        CREATE INDEX draft_expiry ON work.draft (expires_at);
        COMMENT ON TABLE work.draft IS 'What a member has begun to write; nobody else sees it';
    """)
    for table in ("data_key", "file", "file_chunk", "draft"):
        protect(f"work.{table}")
    script("""
        CREATE FUNCTION work.forget_expired_drafts() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            DELETE FROM work.draft WHERE expires_at <= now();
            RETURN NULL;
        END $$;
        CREATE TRIGGER forget_expired AFTER INSERT OR UPDATE ON work.draft
            FOR EACH STATEMENT EXECUTE FUNCTION work.forget_expired_drafts();
    """)
    script("RESET ROLE")
    hand_over("work.forget_expired_drafts()", DRAFTS)
    _policies()


def _policies() -> None:
    own = "owner_force = (SELECT ctx.session_tenant())"
    consulting = "(SELECT ctx.open_grant_set()) IS NOT NULL"
    writing = "(SELECT ctx.may_write())"
    visible = "label_id = ANY ((SELECT ctx.visible_labels('summary'))::smallint[])"
    chunk_of_visible = """EXISTS (SELECT FROM work.file AS f
                    WHERE f.owner_force = file_chunk.owner_force
                      AND f.file_id = file_chunk.file_id)"""
    mine = f"{own} AND member_id = (SELECT ctx.session_member())"
    script(f"""
        CREATE POLICY own_keys ON work.data_key FOR SELECT TO athena_force
            USING ({own} AND {consulting});
        CREATE POLICY add_own ON work.data_key FOR INSERT TO athena_force
            WITH CHECK ({own} AND {writing});
        CREATE POLICY change_own ON work.data_key FOR UPDATE TO athena_force
            USING ({own} AND {writing}) WITH CHECK ({own} AND {writing});
        GRANT SELECT ON work.data_key TO athena_force;
        GRANT INSERT (owner_force, key_version, wrapping_key, wrapped) ON work.data_key
            TO athena_force;
        GRANT UPDATE (wrapping_key, wrapped, erased_at) ON work.data_key TO athena_force;

        CREATE POLICY own_visible ON work.file FOR SELECT TO athena_force
            USING ({own} AND {visible});
        CREATE POLICY add_own ON work.file FOR INSERT TO athena_force
            WITH CHECK ({own} AND {writing});
        CREATE POLICY change_own ON work.file FOR UPDATE TO athena_force
            USING ({own} AND {writing} AND {visible}) WITH CHECK ({own} AND {writing});
        CREATE POLICY erase_own ON work.file FOR DELETE TO athena_force
            USING ({own} AND {writing} AND {visible});
        GRANT SELECT, DELETE ON work.file TO athena_force;
        GRANT INSERT (owner_force, file_id, label_id, record_class, record_id, sealed_name,
            media_type, size, chunk_count, sha256, key_version) ON work.file TO athena_force;
        GRANT UPDATE (label_id) ON work.file TO athena_force;

        CREATE POLICY of_visible_files ON work.file_chunk FOR SELECT TO athena_force
            USING ({own} AND {chunk_of_visible});
        CREATE POLICY add_own ON work.file_chunk FOR INSERT TO athena_force
            WITH CHECK ({own} AND {writing} AND {chunk_of_visible});
        GRANT SELECT, INSERT ON work.file_chunk TO athena_force;

        CREATE POLICY my_drafts ON work.draft TO athena_force
            USING ({mine} AND expires_at > now()) WITH CHECK ({mine});
        GRANT SELECT, DELETE ON work.draft TO athena_force;
        GRANT INSERT (owner_force, draft_id, member_id, record_type, document) ON work.draft
            TO athena_force;
        GRANT UPDATE (version, document, saved_at, expires_at) ON work.draft TO athena_force;

        CREATE POLICY forget_expired ON work.draft TO {DRAFTS} USING (expires_at <= now());
        GRANT SELECT, DELETE ON work.draft TO {DRAFTS};
    """)


def downgrade() -> None:
    """Drop drafts, files and their keys."""
    script("DROP TABLE work.draft, work.file_chunk, work.file, work.data_key")
    script("DROP FUNCTION work.forget_expired_drafts")
