"""The component as data."""

from microservices.chassis.operations import ComponentSpec, Empty, Operation
from microservices.users.messages import Credentials, NewUser
from microservices.users.seed import load_seed
from microservices.users.service import Users, public_keys

OPERATIONS = (
    Operation(
        "create_user", "POST", "/api/v1/users", NewUser, Users.create_user, "public", status=201
    ),
    Operation(
        "create_token", "POST", "/api/v1/auth/tokens", Credentials, Users.create_token, "public"
    ),
    Operation("get_current_user", "GET", "/api/v1/users/me", Empty, Users.get_current_user, "user"),
    Operation("get_jwks", "GET", "/api/v1/auth/jwks", Empty, Users.get_jwks, "public"),
)
SPEC = ComponentSpec(
    name="users",
    operations=OPERATIONS,
    build=Users,
    migrations="microservices.users.migrations",
    load_seed=load_seed,
    own_keys=public_keys,
)
