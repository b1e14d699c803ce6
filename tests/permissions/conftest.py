from tests.permissions.test_matrix import sam as sam
from tests.permissions.test_matrix import susan as susan
from tests.permissions.test_matrix import world as world
