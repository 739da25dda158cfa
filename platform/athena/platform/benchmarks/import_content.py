"""What an import leaves in the store, told in lines that are alike where two stores are.

Ids, times and transaction numbers differ from one import to the next and are left out.
"""

from __future__ import annotations

import asyncpg

CONTENT = """
    SELECT r.source_id || r.row_number || jsonb_build_object(
        'nominal', to_jsonb(n) - '{owner_force,nominal_id,created_at,changed_at,changed_xid}'
            ::text[],
        'label', l.marking || l.handling || l.categories::text,
        'names', (SELECT jsonb_agg(jsonb_build_array(m.kind, m.given_names, m.surname, (
                      SELECT jsonb_agg(jsonb_build_array(s.token, g.token, k.name_key & 65535,
                                                         k.date_key >> 46 & 65535, k.name_key < 0)
                                       ORDER BY s.token, g.token)
                      FROM records.name_key AS k
                      LEFT JOIN names.term AS s
                        ON s.term_id = (k.name_key >> 39 & 8388607)::integer
                      LEFT JOIN names.term AS g
                        ON g.term_id = ((k.name_key >> 16) & 8388607)::integer
                      WHERE k.owner_force = m.owner_force AND k.nominal_id = m.nominal_id
                        AND k.name_row_id = m.row_id))
                      ORDER BY m.kind, m.given_names, m.surname)
                  FROM records.nominal_name AS m
                  WHERE m.owner_force = n.owner_force AND m.nominal_id = n.nominal_id),
        'identifiers', (SELECT jsonb_agg(jsonb_build_array(i.kind, i.value)
                                         ORDER BY i.kind, i.value)
                        FROM records.identifier AS i
                        WHERE i.owner_force = n.owner_force AND i.nominal_id = n.nominal_id),
        'contacts', (SELECT jsonb_agg(jsonb_build_array(c.kind, c.value) ORDER BY c.kind, c.value)
                     FROM records.contact AS c
                     WHERE c.owner_force = n.owner_force AND c.nominal_id = n.nominal_id),
        'places', (SELECT jsonb_agg(jsonb_build_array(a.kind, a.valid_from, a.valid_to,
                                        encode(p.place_key, 'hex')) ORDER BY a.kind, p.place_key)
                   FROM records.address AS a
                   JOIN records.location AS p USING (owner_force, location_id)
                   WHERE a.owner_force = n.owner_force AND a.nominal_id = n.nominal_id),
        'markers', (SELECT jsonb_agg(jsonb_build_array(w.code, w.note) ORDER BY w.code, w.note)
                    FROM records.marker AS w
                    WHERE w.owner_force = n.owner_force AND w.nominal_id = n.nominal_id),
        'descriptions', (SELECT jsonb_agg(jsonb_build_array(d.attribute, d.value)
                                          ORDER BY d.attribute, d.value)
                         FROM records.description AS d
                         WHERE d.owner_force = n.owner_force AND d.nominal_id = n.nominal_id),
        'assessments', (SELECT jsonb_agg(jsonb_build_array(s.basis, s.text)
                                         ORDER BY s.basis, s.text)
                        FROM records.assessment AS s
                        WHERE s.owner_force = n.owner_force AND s.nominal_id = n.nominal_id),
        'involvements', (SELECT jsonb_agg(jsonb_build_array(h.record_class, h.record_number,
                                              g.marking || g.handling || g.categories::text,
                                              v.role, v.vulnerability_factors)
                                          ORDER BY h.record_class, h.record_number, v.role)
                         FROM records.involvement AS v
                         JOIN records.record AS h USING (owner_force, record_id)
                         JOIN ctx.label AS g ON g.label_id = h.label_id
                         WHERE v.owner_force = n.owner_force AND v.nominal_id = n.nominal_id)
    )::text AS line
    FROM records.source_reference AS r
    JOIN records.nominal AS n USING (owner_force, nominal_id)
    JOIN ctx.label AS l USING (label_id)
    WHERE r.run_id IS NOT NULL
    UNION ALL
    SELECT w.source_id || w.row_number || w.line || w.outcome || w.field || w.reason
        || coalesce(h.draft::text, '') || coalesce(cardinality(h.matches), 0)
    FROM records.import_row AS w
    LEFT JOIN records.import_held AS h USING (owner_force, run_id, row_number)
    UNION ALL
    SELECT 'changes ' || jsonb_build_array(x.operation, x.version, count(*))::text
    FROM records.change AS x GROUP BY x.operation, x.version
    UNION ALL
    SELECT 'counts ' || jsonb_build_array(
        (SELECT count(*) FROM records.nominal), (SELECT count(*) FROM records.location),
        (SELECT count(*) FROM records.record), (SELECT count(*) FROM records.name_key),
        (SELECT count(*) FROM records.history), (SELECT count(*) FROM records.change),
        (SELECT count(*) FROM names.term), (SELECT count(*) FROM names.pair))::text
"""
"""All that imports leave in the store, a line for each row of a file, and counts of tables."""

_DIGEST = f"""
    SELECT count(*), sum(hashtextextended(line, 0)::numeric)::text,
        sum(hashtextextended(line, 1)::numeric)::text
    FROM ({CONTENT}) AS c
"""  # noqa: S608 - constants only


async def content_of(admin: asyncpg.Connection) -> tuple[int, str, str]:
    """Return how many lines of content a store has, and two sums of their hashes.

    Sums don't depend on an order, so that the store needn't sort a million lines.
    """
    await admin.execute(
        "VACUUM ANALYZE records.nominal, records.nominal_name, records.name_key, "
        "records.identifier, records.contact, records.address, records.location, "
        "records.marker, records.description, records.assessment, records.involvement, "
        "records.record, records.source_reference, names.term, ctx.label"
    )
    return tuple(await admin.fetchrow(_DIGEST))
