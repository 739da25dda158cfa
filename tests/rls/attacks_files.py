"""What Kent's login tries on files, their keys and other members' drafts."""

from __future__ import annotations

from rls.attacks import NO_RLS, WITHOUT_AN_EVENT, Attack, reads, writes

TENANT = "owner_force = (SELECT ctx.session_tenant())"
VISIBLE = "label_id = ANY ((SELECT ctx.visible_labels('summary'))::smallint[])"


_NEW_FILE = (
    "INSERT INTO work.file (owner_force, file_id, label_id, record_class, record_id, sealed_name, "
    "media_type, size, chunk_count, sha256, key_version) VALUES ({owner}, '{{new}}', {label}, "
    "'nominal', '{{new}}', 'x', 'text/plain', 1, 1, sha256('x'), 1)"
)
_NEW_KEY = (
    "INSERT INTO work.data_key (owner_force, key_version, wrapping_key, wrapped) "
    "VALUES ({owner}, 2, 'mine', decode(repeat('00', 32), 'hex'))"
)

KEYS = [
    Attack(
        "reads another force's wrapped keys",
        "a data key is its own force's",
        reads("SELECT 1 FROM work.data_key WHERE owner_force = {essex}"),
        "ALTER POLICY own_keys ON work.data_key USING (true)",
    ),
    Attack(
        "reads its wrapped keys without a consultation",
        "a transaction without an event sees no key",
        reads("SELECT 1 FROM work.data_key", consulting=False),
        WITHOUT_AN_EVENT,
    ),
    Attack(
        "erases another force's keys",
        "a data key is its own force's",
        writes(
            "UPDATE work.data_key SET wrapped = NULL, erased_at = now() "
            "WHERE owner_force = {essex}",
            kind="erasure",
        ),
        "ALTER POLICY own_keys ON work.data_key USING (true); "
        "ALTER POLICY change_own ON work.data_key USING (true) WITH CHECK (true)",
    ),
    Attack(
        "erases its keys under a consultation that changes nothing",
        "keys change under a logged change only",
        writes("UPDATE work.data_key SET wrapped = NULL, erased_at = now()", kind="consultation"),
        f"ALTER POLICY change_own ON work.data_key USING ({TENANT}) WITH CHECK ({TENANT})",
    ),
    Attack(
        "slips another force a key",
        "a data key is its own force's",
        writes(_NEW_KEY.format(owner="{essex}")),
        "ALTER POLICY add_own ON work.data_key WITH CHECK (true)",
    ),
    Attack(
        "adds a key under a consultation that changes nothing",
        "keys change under a logged change only",
        writes(_NEW_KEY.format(owner="{kent}"), kind="consultation"),
        f"ALTER POLICY add_own ON work.data_key WITH CHECK ({TENANT})",
    ),
    Attack(
        "deletes a key, and with it that there was one",
        "no login deletes keys",
        writes("DELETE FROM work.data_key WHERE key_version = 1", kind="erasure"),
        f"GRANT DELETE ON work.data_key TO athena_force; {NO_RLS.format('work.data_key')}; "
        "ALTER TABLE work.file DROP CONSTRAINT file_owner_force_key_version_fkey",
    ),
]

FILES = [
    Attack(
        "reads another force's files under a label that it sees",
        "a file is its own force's",
        reads("SELECT 1 FROM work.file WHERE owner_force = {essex}"),
        f"ALTER POLICY own_visible ON work.file USING ({VISIBLE})",
    ),
    Attack(
        "reads a file of its own force under a hidden label",
        "a file is seen under its label",
        reads("SELECT 1 FROM work.file WHERE file_id = '{hidden_file}'"),
        f"ALTER POLICY own_visible ON work.file USING ({TENANT})",
    ),
    Attack(
        "reads its files without a consultation",
        "a transaction without an event sees no file",
        reads("SELECT 1 FROM work.file", consulting=False),
        WITHOUT_AN_EVENT,
    ),
    Attack(
        "stores a file for another force",
        "a file is its own force's",
        writes(_NEW_FILE.format(owner="{essex}", label="{open_label}")),
        "ALTER POLICY add_own ON work.file WITH CHECK (true)",
    ),
    Attack(
        "stores a file under a consultation that changes nothing",
        "what is written needs a logged change",
        writes(_NEW_FILE.format(owner="{kent}", label="{kent_label}"), kind="consultation"),
        f"ALTER POLICY add_own ON work.file WITH CHECK ({TENANT})",
    ),
    Attack(
        "stores a file under another force's label",
        "a label belongs to its owner",
        writes(_NEW_FILE.format(owner="{kent}", label="{open_label}")),
        "ALTER TABLE work.file DROP CONSTRAINT file_owner_force_label_id_fkey",
    ),
    Attack(
        "erases a hidden file",
        "what isn't seen isn't erased",
        writes("DELETE FROM work.file WHERE file_id = '{hidden_file}'", kind="erasure"),
        f"ALTER POLICY own_visible ON work.file USING ({TENANT}); "
        f"ALTER POLICY erase_own ON work.file USING ({TENANT})",
    ),
    Attack(
        "relabels a hidden file to see it",
        "what isn't seen isn't changed",
        writes("UPDATE work.file SET label_id = {kent_label} WHERE file_id = '{hidden_file}'"),
        f"ALTER POLICY own_visible ON work.file USING ({TENANT}); "
        f"ALTER POLICY change_own ON work.file USING ({TENANT})",
    ),
    Attack(
        "relabels a file under a consultation that changes nothing",
        "what is written needs a logged change",
        writes(
            "UPDATE work.file SET label_id = {kent_label} WHERE file_id = '{my_file}'",
            kind="consultation",
        ),
        f"ALTER POLICY change_own ON work.file USING ({TENANT}) WITH CHECK ({TENANT})",
    ),
    Attack(
        "puts another digest to a file",
        "only the label of a file changes",
        writes("UPDATE work.file SET sha256 = sha256('y') WHERE file_id = '{my_file}'"),
        "GRANT UPDATE ON work.file TO athena_force",
    ),
    Attack(
        "reads chunks of a hidden file",
        "a chunk is seen with its file",
        reads("SELECT 1 FROM work.file_chunk WHERE file_id = '{hidden_file}'"),
        "ALTER POLICY of_visible_files ON work.file_chunk USING (true)",
    ),
    Attack(
        "reads chunks of another force",
        "a chunk is its own force's",
        reads("SELECT 1 FROM work.file_chunk WHERE owner_force = {essex}"),
        "ALTER POLICY of_visible_files ON work.file_chunk USING (true)",
    ),
    Attack(
        "adds a chunk to a hidden file",
        "a chunk is written with its file",
        writes("INSERT INTO work.file_chunk VALUES ({kent}, '{hidden_file}', 1, 'x')"),
        f"ALTER POLICY add_own ON work.file_chunk WITH CHECK ({TENANT})",
    ),
    Attack(
        "adds a chunk to another force's file",
        "a chunk is its own force's",
        writes("INSERT INTO work.file_chunk VALUES ({essex}, '{essex_file}', 1, 'x')"),
        "ALTER POLICY add_own ON work.file_chunk WITH CHECK (true)",
    ),
    Attack(
        "adds a chunk under a consultation that changes nothing",
        "what is written needs a logged change",
        writes(
            "INSERT INTO work.file_chunk VALUES ({kent}, '{my_file}', 1, 'x')", kind="consultation"
        ),
        f"ALTER POLICY add_own ON work.file_chunk WITH CHECK ({TENANT})",
    ),
    Attack(
        "overwrites a chunk",
        "no login changes chunks",
        writes("UPDATE work.file_chunk SET sealed = 'x' WHERE file_id = '{my_file}'"),
        f"GRANT UPDATE ON work.file_chunk TO athena_force; {NO_RLS.format('work.file_chunk')}",
    ),
]

DRAFTS = [
    Attack(
        "reads a colleague's draft",
        "a draft is its own member's",
        reads("SELECT 1 FROM work.draft WHERE draft_id = '{others_draft}'"),
        f"ALTER POLICY my_drafts ON work.draft USING ({TENANT})",
    ),
    Attack(
        "reads a draft of the same member's number in another force",
        "a draft is its own force's",
        reads("SELECT 1 FROM work.draft WHERE owner_force = {essex}"),
        "ALTER POLICY my_drafts ON work.draft USING (member_id = (SELECT ctx.session_member()))",
    ),
    Attack(
        "reads its drafts without a consultation",
        "a transaction without an event sees no draft",
        reads("SELECT 1 FROM work.draft", consulting=False),
        WITHOUT_AN_EVENT,
    ),
    Attack(
        "reads an expired draft",
        "an expired draft is seen by nobody",
        reads("SELECT 1 FROM work.draft WHERE draft_id = '{expired_draft}'"),
        "ALTER POLICY my_drafts ON work.draft USING (member_id = (SELECT ctx.session_member()))",
    ),
    Attack(
        "saves a draft in a colleague's name",
        "a draft is its own member's",
        writes(
            "INSERT INTO work.draft (owner_force, member_id, record_type, document) "
            "VALUES ({kent}, '{new}', 'nominal', '{{}}')"
        ),
        f"ALTER POLICY my_drafts ON work.draft WITH CHECK ({TENANT})",
    ),
    Attack(
        "deletes a colleague's draft",
        "a draft is its own member's",
        writes("DELETE FROM work.draft WHERE draft_id = '{others_draft}'"),
        f"ALTER POLICY my_drafts ON work.draft USING ({TENANT})",
    ),
    Attack(
        "gives its draft to a colleague",
        "a draft stays its member's",
        writes("UPDATE work.draft SET member_id = '{new}' WHERE draft_id = '{my_draft}'"),
        "GRANT UPDATE ON work.draft TO athena_force; "
        f"ALTER POLICY my_drafts ON work.draft USING ({TENANT}) WITH CHECK ({TENANT})",
    ),
]

STORED = [*KEYS, *FILES, *DRAFTS]
