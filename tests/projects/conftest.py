from tests.projects.fixtures import engine as engine
from tests.projects.fixtures import images as images
from tests.projects.fixtures import registry as registry
