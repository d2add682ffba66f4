class BasePolicy:
    def evaluate(self, server):
        raise NotImplementedError
