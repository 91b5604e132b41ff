#include "controlplane/rest/openapi.h"

namespace isthmus::rest {

const std::string_view kOpenApi = R"json({
 "openapi": "3.0.3",
 "info": {
  "title": "Isthmus",
  "version": "1",
  "description": "Status and calls of one gateway. Errors are RFC 9457 problem documents."
 },
 "security": [{"bearer": []}],
 "paths": {
  "/api/v1/status": {
   "get": {
    "summary": "The gateway: data plane, listeners, peers, alarms",
    "responses": {
     "200": {
      "description": "Status",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Status"}}}
     },
     "default": {"$ref": "#/components/responses/Problem"}
    }
   }
  },
  "/api/v1/calls": {
   "get": {
    "summary": "Calls, a page at a time, by id",
    "parameters": [
     {
      "name": "limit",
      "in": "query",
      "required": false,
      "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
      "description": "Calls a page"
     },
     {
      "name": "cursor",
      "in": "query",
      "required": false,
      "schema": {"type": "string"},
      "description": "next_cursor of the page before"
     },
     {
      "name": "ended",
      "in": "query",
      "required": false,
      "schema": {"type": "boolean"},
      "description": "true: the calls that ended lately instead, the last one first, in one page"
     }
    ],
    "responses": {
     "200": {
      "description": "A page",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/CallPage"}}}
     },
     "default": {"$ref": "#/components/responses/Problem"}
    }
   }
  },
  "/api/v1/calls/{id}": {
   "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 64}}],
   "get": {
    "summary": "One call, running or lately ended, with figures of each stream and leg",
    "responses": {
     "200": {
      "description": "The call",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Call"}}}
     },
     "default": {"$ref": "#/components/responses/Problem"}
    }
   },
   "delete": {
    "summary": "End the call (role operator)",
    "responses": {
     "202": {
      "description": "It is being ended",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/State"}}}
     },
     "default": {"$ref": "#/components/responses/Problem"}
    }
   }
  },
  "/api/v1/route-test": {
   "get": {
    "summary": "Where a call to an address would go, and why",
    "parameters": [
     {
      "name": "uri",
      "in": "query",
      "required": true,
      "schema": {"type": "string"},
      "description": "sip: URI or alias"
     },
     {
      "name": "from",
      "in": "query",
      "required": false,
      "schema": {"type": "string"},
      "description": "Zone that it comes from; empty: any"
     }
    ],
    "responses": {
     "200": {
      "description": "The route",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Route"}}}
     },
     "default": {"$ref": "#/components/responses/Problem"}
    }
   }
  },
  "/api/v1/calls/{id}/trace": {
   "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 64}}],
   "post": {
    "summary": "Follow the packets of one stream on their way; ends by itself (role operator)",
    "parameters": [
     {
      "name": "stream",
      "in": "query",
      "required": false,
      "schema": {"type": "string", "default": "audio"},
      "description": "audio, video or the place of the stream in the call"
     },
     {
      "name": "side",
      "in": "query",
      "required": false,
      "schema": {"type": "string", "enum": ["a", "b"]},
      "description": "Packets that come from this leg's peer; without it of both"
     },
     {
      "name": "packets",
      "in": "query",
      "required": false,
      "schema": {"type": "integer", "minimum": 1, "maximum": 10000, "default": 1000}
     },
     {
      "name": "seconds",
      "in": "query",
      "required": false,
      "schema": {"type": "integer", "minimum": 1, "maximum": 600, "default": 10}
     }
    ],
    "responses": {
     "201": {
      "description": "It runs",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/State"}}}
     },
     "409": {"$ref": "#/components/responses/Problem"},
     "default": {"$ref": "#/components/responses/Problem"}
    }
   },
   "get": {
    "summary": "Its records, a page at a time; they are kept for a minute after its end",
    "parameters": [
     {
      "name": "from",
      "in": "query",
      "required": false,
      "schema": {"type": "integer", "minimum": 0, "maximum": 10000, "default": 0},
      "description": "next of the page before"
     }
    ],
    "responses": {
     "200": {
      "description": "A page; the last one where running is false and there are no records",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Trace"}}}
     },
     "default": {"$ref": "#/components/responses/Problem"}
    }
   },
   "delete": {
    "summary": "End it and forget its records (role operator)",
    "responses": {
     "200": {
      "description": "It is gone",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/State"}}}
     },
     "default": {"$ref": "#/components/responses/Problem"}
    }
   }
  },
  "/api/v1/dataplane/stages": {
   "get": {
    "summary": "Where the data plane's cycles go, stage by stage, as far as it was measured",
    "responses": {
     "200": {
      "description": "Figures since the data plane started, of the time in which they were on",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Stages"}}}
     },
     "default": {"$ref": "#/components/responses/Problem"}
    }
   },
   "put": {
    "summary": "Switch the measuring on or off (role operator)",
    "parameters": [{"name": "measure", "in": "query", "required": true, "schema": {"type": "boolean"}}],
    "responses": {
     "200": {
      "description": "The figures, and whether they are being measured now",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Stages"}}}
     },
     "default": {"$ref": "#/components/responses/Problem"}
    }
   }
  },
  "/api/v1/openapi.json": {
   "get": {
    "summary": "This document",
    "responses": {
     "200": {"description": "OpenAPI 3", "content": {"application/json": {"schema": {"type": "object"}}}},
     "default": {"$ref": "#/components/responses/Problem"}
    }
   }
  },
  "/metrics": {
   "get": {
    "summary": "Prometheus text format",
    "responses": {
     "200": {"description": "Metrics", "content": {"text/plain": {"schema": {"type": "string"}}}},
     "default": {"$ref": "#/components/responses/Problem"}
    }
   }
  },
  "/healthz": {
   "get": {
    "summary": "200 while the process answers",
    "security": [],
    "responses": {
     "200": {
      "description": "Alive",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/State"}}}
     },
     "default": {"$ref": "#/components/responses/Problem"}
    }
   }
  },
  "/readyz": {
   "get": {
    "summary": "200 while calls can be taken",
    "security": [],
    "responses": {
     "200": {
      "description": "Ready",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/State"}}}
     },
     "503": {
      "description": "Not ready",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/State"}}}
     }
    }
   }
  }
 },
 "components": {
  "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
  "responses": {
   "Problem": {
    "description": "What went wrong (RFC 9457)",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
   }
  },
  "schemas": {
   "Problem": {
    "type": "object",
    "properties": {
     "type": {"type": "string"},
     "title": {"type": "string"},
     "status": {"type": "integer"},
     "detail": {"type": "string"}
    }
   },
   "State": {"type": "object", "properties": {"status": {"type": "string"}}},
   "Alarm": {
    "type": "object",
    "properties": {
     "id": {"type": "string"},
     "subject": {"type": "string"},
     "severity": {"type": "string", "enum": ["info", "warning", "critical"]},
     "text": {"type": "string"},
     "since": {"type": "string", "format": "date-time"}
    }
   },
   "Pool": {
    "type": "object",
    "properties": {
     "network": {"type": "string"},
     "protocol": {"type": "string", "enum": ["udp", "tcp"]},
     "address": {"type": "string"},
     "first_port": {"type": "integer"},
     "last_port": {"type": "integer"},
     "usable": {"type": "integer"},
     "in_use": {"type": "integer"},
     "resting": {"type": "integer"},
     "percent": {"type": "integer"}
    }
   },
   "DataPlane": {
    "type": "object",
    "properties": {
     "io_mode": {"type": "string"},
     "io_reason": {"type": "string"},
     "srtp_engine": {"type": "string"},
     "idle_policy": {"type": "string"},
     "started": {"type": "string", "format": "date-time"},
     "workers": {"type": "integer"},
     "sessions": {"type": "integer"},
     "pools": {"type": "array", "items": {"$ref": "#/components/schemas/Pool"}}
    }
   },
   "RtpFields": {
    "type": "object",
    "properties": {
     "payload_type": {"type": "integer"},
     "sequence": {"type": "integer"},
     "timestamp": {"type": "integer"},
     "ssrc": {"type": "integer"}
    }
   },
   "TraceRecord": {
    "type": "object",
    "properties": {
     "time": {"type": "string", "format": "date-time"},
     "side": {"type": "string", "enum": ["a", "b"]},
     "kind": {"type": "string", "enum": ["rtp", "rtcp", "stun"]},
     "fate": {"type": "string", "enum": ["forwarded", "dropped", "consumed", "adapted", "generated"]},
     "stage": {"type": "string"},
     "drop_reason": {"type": "string", "nullable": true},
     "source": {"type": "string", "nullable": true},
     "rule": {"type": "string", "nullable": true, "enum": ["expected_source", "source_rule", null]},
     "opened": {"type": "string", "nullable": true, "enum": ["clear", "ok", "failed", null]},
     "closed": {"type": "string", "nullable": true, "enum": ["clear", "ok", "failed", null]},
     "port_in": {"type": "integer"},
     "queue_in": {"type": "integer"},
     "port_out": {"type": "integer", "nullable": true},
     "burst": {"type": "integer"},
     "bytes_in": {"type": "integer"},
     "bytes_out": {"type": "integer", "nullable": true},
     "marker": {"type": "boolean"},
     "rtp_in": {"nullable": true, "allOf": [{"$ref": "#/components/schemas/RtpFields"}]},
     "rtp_out": {"nullable": true, "allOf": [{"$ref": "#/components/schemas/RtpFields"}]},
     "held_us": {"type": "number"},
     "took_us": {"type": "number"},
     "stages": {
      "type": "array",
      "items": {"type": "object", "properties": {"stage": {"type": "string"}, "ns": {"type": "integer"}}}
     }
    }
   },
   "Trace": {
    "type": "object",
    "properties": {
     "stream": {"type": "integer"},
     "kind": {"type": "string", "nullable": true},
     "zones": {"type": "array", "items": {"type": "string"}},
     "worker": {"type": "integer"},
     "running": {"type": "boolean"},
     "ended_by": {"type": "string", "nullable": true, "enum": ["packets", "time", "closed", null]},
     "lost": {"type": "integer"},
     "first": {"type": "integer"},
     "next": {"type": "integer"},
     "records": {"type": "array", "items": {"$ref": "#/components/schemas/TraceRecord"}}
    }
   },
   "Stage": {
    "type": "object",
    "properties": {
     "stage": {"type": "string"},
     "cycles": {"type": "integer"},
     "packets": {"type": "integer"},
     "calls": {"type": "integer"},
     "cycles_per_packet": {"type": "number", "nullable": true},
     "ns_per_packet": {"type": "number", "nullable": true}
    }
   },
   "WorkerStages": {
    "type": "object",
    "properties": {
     "worker": {"type": "integer"},
     "stages": {"type": "array", "items": {"$ref": "#/components/schemas/Stage"}}
    }
   },
   "Stages": {
    "type": "object",
    "properties": {
     "measuring": {"type": "boolean"},
     "cycles_per_second": {"type": "integer"},
     "workers": {"type": "array", "items": {"$ref": "#/components/schemas/WorkerStages"}}
    }
   },
   "Listener": {
    "type": "object",
    "properties": {"name": {"type": "string"}, "transport": {"type": "string"}, "address": {"type": "string"}}
   },
   "Peer": {
    "type": "object",
    "properties": {
     "zone": {"type": "string"},
     "address": {"type": "string"},
     "transport": {"type": "string"},
     "state": {"type": "string", "enum": ["unknown", "alive", "failed"]},
     "cause": {"type": "string"},
     "since": {"type": "string", "format": "date-time"}
    }
   },
   "Status": {
    "type": "object",
    "properties": {
     "version": {"type": "string"},
     "node": {"type": "string"},
     "started": {"type": "string", "format": "date-time"},
     "uptime_s": {"type": "number"},
     "accepting_calls": {"type": "boolean"},
     "calls": {"type": "integer"},
     "max_calls": {"type": "integer"},
     "data_plane_connected": {"type": "boolean"},
     "data_plane": {"nullable": true, "allOf": [{"$ref": "#/components/schemas/DataPlane"}]},
     "listeners": {"type": "array", "items": {"$ref": "#/components/schemas/Listener"}},
     "peers": {"type": "array", "items": {"$ref": "#/components/schemas/Peer"}},
     "alarms": {"type": "array", "items": {"$ref": "#/components/schemas/Alarm"}}
    }
   },
   "CallLeg": {
    "type": "object",
    "properties": {
     "side": {"type": "string", "enum": ["a", "b"]},
     "zone": {"type": "string"},
     "uri": {"type": "string"},
     "display_name": {"type": "string"},
     "call_id": {"type": "string"},
     "signalling": {"type": "string"},
     "user_agent": {"type": "string"}
    }
   },
   "Figures": {
    "type": "object",
    "properties": {
     "packets_received": {"type": "integer"},
     "bytes_received": {"type": "integer"},
     "packets_sent": {"type": "integer"},
     "bytes_sent": {"type": "integer"},
     "rtcp_received": {"type": "integer"},
     "rtcp_sent": {"type": "integer"},
     "lost": {"type": "integer"},
     "jitter_ms": {"type": "number"},
     "peer_lost": {"type": "integer", "nullable": true},
     "peer_jitter_ms": {"type": "number", "nullable": true},
     "round_trip_ms": {"type": "number", "nullable": true},
     "drops": {"type": "integer"},
     "payload_type": {"type": "integer", "nullable": true},
     "remote_address": {"type": "string", "nullable": true},
     "encrypted": {"type": "boolean"}
    }
   },
   "StreamLeg": {
    "type": "object",
    "properties": {
     "side": {"type": "string"},
     "codec": {"type": "string"},
     "encryption": {"type": "string"},
     "direction": {"type": "string"},
     "figures": {"nullable": true, "allOf": [{"$ref": "#/components/schemas/Figures"}]},
     "local_address": {"type": "string"}
    }
   },
   "Stream": {
    "type": "object",
    "properties": {
     "kind": {"type": "string", "enum": ["audio", "video"]},
     "active": {"type": "boolean"},
     "legs": {"type": "array", "items": {"$ref": "#/components/schemas/StreamLeg"}}
    }
   },
   "Call": {
    "type": "object",
    "properties": {
     "id": {"type": "string"},
     "state": {"type": "string"},
     "began": {"type": "string", "format": "date-time"},
     "answered": {"type": "string", "format": "date-time", "nullable": true},
     "duration_s": {"type": "number", "nullable": true},
     "legs": {"type": "array", "items": {"$ref": "#/components/schemas/CallLeg"}},
     "streams": {"type": "array", "items": {"$ref": "#/components/schemas/Stream"}},
     "figures_missing": {"type": "string", "nullable": true},
     "history": {"type": "array", "items": {"type": "string"}},
     "ended": {"type": "string", "format": "date-time", "nullable": true},
     "end_status": {"type": "integer", "nullable": true},
     "end_reason": {"type": "string"}
    }
   },
   "CallPage": {
    "type": "object",
    "properties": {
     "items": {"type": "array", "items": {"$ref": "#/components/schemas/Call"}},
     "next_cursor": {"type": "string", "nullable": true}
    }
   },
   "Route": {
    "type": "object",
    "properties": {
     "alias": {"type": "string"},
     "targets": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {"zone": {"type": "string"}, "uri": {"type": "string"}, "rule": {"type": "string"}}
      }
     },
     "history": {"type": "array", "items": {"type": "string"}}
    }
   }
  }
 }
}
)json";

}  // namespace isthmus::rest
