"""Atropos' own trajectory API on a port of loopback, with one route more: POST /__fresh forgets everything."""

import sys

import uvicorn
from atroposlib.api.server import app


@app.post("/__fresh")
async def fresh():
    app.state._state.clear()
    return {}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
