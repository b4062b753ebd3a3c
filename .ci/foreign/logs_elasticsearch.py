"""The Python client of Elasticsearch, with an API key, writes, searches and gets the errors that the server gives."""

import uuid

from elasticsearch import (
    ApiError,
    AuthenticationException,
    BadRequestError,
    ConflictError,
    Elasticsearch,
    NotFoundError,
    helpers,
)

from fleet import fails, prove, until

OWN = "foreign-" + uuid.uuid4().hex[:12]


# A document that does not fit its mapping, up to 8.8 and since.
MISFIT = ("mapper_parsing_exception", "document_parsing_exception")


def client(fleet, **changed):
    given = {"api_key": fleet["elasticsearch_api_key"], "request_timeout": 10, "max_retries": 0, **changed}
    return Elasticsearch(fleet["elasticsearch"], **given)


def info(fleet):
    """it is taken for Elasticsearch: info, ping and the product check of the client"""
    es = client(fleet)
    answer = es.info()
    assert answer["version"]["number"].startswith("8.") and answer["tagline"] == "You Know, for Search", answer
    assert answer.meta.headers["x-elastic-product"] == "Elasticsearch" and es.ping()
    assert es.cluster.health(wait_for_status="yellow")["status"] in ("green", "yellow")


def strangers(fleet):
    """a wrong API key, a wrong password and no login at all: AuthenticationException"""
    for login in ({"api_key": "bm9ib2R5OmJvdGhlcg=="}, {"api_key": None, "basic_auth": ("nobody", "guessed")}, {"api_key": None}):
        error = fails(AuthenticationException, client(fleet, **login).info)
        assert error.status_code == 401 and error.error == "security_exception", error


def index(fleet):
    """an index with a mapping; a document written, read, refused the second time"""
    es = client(fleet)
    mapping = {"properties": {"at": {"type": "date"}, "took": {"type": "long"}, "status": {"type": "long"}, "slot": {"type": "keyword"}}}
    assert es.indices.create(index=OWN, mappings=mapping)["acknowledged"] and es.indices.exists(index=OWN)
    assert fails(BadRequestError, es.indices.create, index=OWN).error == "resource_already_exists_exception"
    assert es.indices.get_mapping(index=OWN)[OWN]["mappings"]["properties"] == mapping["properties"]
    document = {"at": "2026-11-21T12:00:00Z", "took": 5, "status": 200, "slot": "app-1"}
    written = es.index(index=OWN, id="first", document=document, refresh="wait_for")
    assert (written["result"], written["_version"]) == ("created", 1), written
    read = es.get(index=OWN, id="first")
    assert read["_source"] == document and read["found"], read
    assert fails(ConflictError, es.create, index=OWN, id="first", document=document).error == "version_conflict_engine_exception"
    assert fails(BadRequestError, es.index, index=OWN, document={"took": "long"}).error in MISFIT


def bulk(fleet):
    """bulk: a hundred documents, and the one that does not fit is named"""
    es = client(fleet)
    documents = [
        {"at": f"2026-11-21T12:00:{n % 60:02d}Z", "took": n, "status": 500 if n % 10 == 0 else 200, "slot": f"app-{1 + n % 2}"} for n in range(100)
    ]
    assert helpers.bulk(es, ({"_index": OWN, "_source": d} for d in documents), refresh=True) == (100, [])
    written, problems = helpers.bulk(es, [{"_index": OWN, "_id": "bad", "status": "five hundred"}, {"_index": OWN, "_id": "good", "took": 1}], raise_on_error=False)
    assert written == 1 and len(problems) == 1, problems
    assert (problems[0]["index"]["_id"], problems[0]["index"]["status"]) == ("bad", 400), problems
    es.indices.refresh(index=OWN)
    assert es.count(index=OWN)["count"] == 102


def search(fleet):
    """search: bool query, sort, and aggregations in one another"""
    answer = client(fleet).search(
        index=OWN,
        size=3,
        query={"bool": {"filter": [{"range": {"at": {"gte": "2026-11-21T12:00:00Z", "lt": "2026-11-21T12:01:00Z"}}}], "must_not": [{"ids": {"values": ["first"]}}]}},
        sort=[{"took": "desc"}],
        aggs={
            "slots": {"terms": {"field": "slot"}, "aggs": {"bad": {"filter": {"range": {"status": {"gte": 500}}}}, "took": {"stats": {"field": "took"}}}},
            "over": {"date_histogram": {"field": "at", "fixed_interval": "30s"}},
            "took": {"percentiles": {"field": "took", "percents": [50]}},
        },
        track_total_hits=True,
    )
    assert answer["hits"]["total"] == {"value": 100, "relation": "eq"} and answer["_shards"]["failed"] == 0, answer
    assert [h["_source"]["took"] for h in answer["hits"]["hits"]] == [99, 98, 97], answer
    slots = {b["key"]: b for b in answer["aggregations"]["slots"]["buckets"]}
    assert (slots["app-1"]["doc_count"], slots["app-1"]["bad"]["doc_count"], slots["app-2"]["bad"]["doc_count"]) == (50, 10, 0), slots
    assert (slots["app-2"]["took"]["min"], slots["app-2"]["took"]["max"]) == (1.0, 99.0), slots
    assert [b["doc_count"] for b in answer["aggregations"]["over"]["buckets"]] == [60, 40], answer["aggregations"]["over"]
    assert 49 <= answer["aggregations"]["took"]["values"]["50.0"] <= 50, answer["aggregations"]["took"]


def fields(fleet):
    """field_caps: types, and which fields can be aggregated"""
    found = client(fleet).field_caps(index=OWN, fields=["took", "slot", "nothing"])["fields"]
    assert set(found) == {"took", "slot"}, found
    assert found["took"]["long"]["aggregatable"] and found["slot"]["keyword"]["searchable"], found


def errors(fleet):
    """typed errors: NotFoundError for an index and a document, BadRequestError for queries that are none"""
    es = client(fleet)
    missing = fails(NotFoundError, es.search, index="no-such-index")
    assert (missing.status_code, missing.error) == (404, "index_not_found_exception"), missing
    assert fails(NotFoundError, es.get, index=OWN, id="nobody").body["found"] is False
    assert fails(BadRequestError, es.search, index=OWN, query={"nonsense": {}}).error == "parsing_exception"
    shards = fails(BadRequestError, es.search, index=OWN, aggs={"mean": {"avg": {"field": "slot"}}})
    assert shards.error == "search_phase_execution_exception" and "keyword" in str(shards), shards
    assert fails(ApiError, es.perform_request, "POST", "/_nonsense").status_code == 400


def shipped(fleet):
    """the data stream of the fleet's access logs: it grows, tells who served what, and is only ever added to"""
    es = client(fleet)
    hits = lambda: es.search(index=fleet["index"], size=0, track_total_hits=True)["hits"]["total"]["value"]
    before = hits()
    until("new log lines", lambda: hits() > before)
    newest = es.search(index=fleet["index"], size=1, sort=[{"@timestamp": "desc"}])["hits"]["hits"][0]["_source"]
    assert newest["host"]["name"] in [s["name"] for s in fleet["servers"]] and newest["http"]["response"]["status_code"] < 600, newest
    hosts = es.search(index=fleet["index"], size=0, aggs={"hosts": {"terms": {"field": "host.name"}}})["aggregations"]["hosts"]["buckets"]
    assert {h["key"] for h in hosts} == {s["name"] for s in fleet["servers"]}, hosts
    refused = fails(BadRequestError, es.index, index=fleet["index"], id="again", document={"@timestamp": "2026-11-21T12:00:00Z"})
    assert "op_type of create" in str(refused), refused


def sweep(fleet):
    """an index is deleted, and then it is not there"""
    es = client(fleet)
    assert es.indices.delete(index=OWN)["acknowledged"] and not es.indices.exists(index=OWN)
    assert fails(NotFoundError, es.indices.delete, index=OWN).error == "index_not_found_exception"


prove(info, strangers, index, bulk, search, fields, errors, shipped, sweep)
